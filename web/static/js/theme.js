// The theme changes in place: a reader in the middle of a report keeps the place.
import { say } from "./voice.js";

export function theme() {
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest(".switches");
    if (!form) return;
    form.elements.next.value = location.pathname + location.search;
    if (event.submitter?.name !== "theme") return;
    event.preventDefault();
    const chosen = event.submitter.value;
    const response = await fetch(form.action, { method: "POST", body: new FormData(form, event.submitter) });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    document.documentElement.dataset.theme = chosen;
    form.replaceWith(page.querySelector(".switches"));
    const button = document.querySelector(".switches .theme");
    button.focus();
    say(button.title);
  });
}
