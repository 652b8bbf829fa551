// Pages that stay open follow the index: often while it is rebuilt, seldom otherwise.
import { fetchFragment, reveal } from "./fragment.js";
import { say, sayOnce } from "./voice.js";

const BUSY = 700;
const CALM = 10_000;

export function following() {
  const notice = document.getElementById("notice");
  const rebuild = document.getElementById("rebuild");
  const preparing = document.getElementById("preparing");
  if (notice) follow(notice, notice, () => document.querySelector(".answer")?.dataset.generation);
  if (rebuild) {
    const panel = document.getElementById("panel");
    follow(rebuild, panel, () => rebuild.dataset.generation);
    start(rebuild, panel);
  }
  if (preparing) follow(preparing, preparing, () => "");
}

const wake = new EventTarget();

function follow(source, place, generation) {
  let timer = 0;
  const again = () => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(look, place.querySelector("[data-busy]") ? BUSY : CALM);
  };
  const look = async () => {
    clearTimeout(timer);
    try {
      const url = new URL(source.dataset.address, location.href);
      url.searchParams.set("generation", generation() ?? "");
      const { ok, nodes } = await fetchFragment(url);
      if (ok) settle(place, nodes);
    } catch {
      // the server may be restarting: the next look will tell
    }
    again();
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : look()));
  wake.addEventListener("look", look);
  again();
}

// Replace what changed only, so that focus and a typed token survive.
function settle(place, nodes) {
  const holder = document.createElement("div");
  holder.append(...nodes);
  if (holder.querySelector("[data-ready]")) location.reload();
  reveal(holder);
  const same = outline(holder) === outline(place);
  const busy = [place, holder].some((each) => each.querySelector("[data-busy]"));
  if (same && holder.querySelector("progress")) {
    move(place, holder);
  } else if (!same && (busy || !place.contains(document.activeElement))) {
    // that one is running already is no news any more once it goes on
    if (place.querySelector("[data-busy]")) document.getElementById("refusal")?.remove();
    place.replaceChildren(...holder.childNodes);
  }
  sayOnce(place.querySelector("[data-say]")?.dataset.say);
}

function outline(element) {
  const copy = element.cloneNode(true);
  for (const token of copy.querySelectorAll("[name=csrf_token]")) token.remove();
  for (const figure of copy.querySelectorAll("progress, .aside")) figure.replaceWith(document.createElement("i"));
  return copy.innerHTML.replace(/\s+/g, " ").trim();
}

function move(place, holder) {
  const [bar, next] = [place, holder].map((each) => each.querySelector("progress"));
  for (const name of ["value", "max"]) {
    const value = next.getAttribute(name);
    if (value === null) bar.removeAttribute(name);
    else bar.setAttribute(name, value);
  }
  const [words, newer] = [place, holder].map((each) => each.querySelector(".aside"));
  if (words && newer) words.textContent = newer.textContent;
}

function start(rebuild, panel) {
  panel.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.target.querySelector("button");
    button.disabled = true;
    try {
      const response = await fetch(event.target.action, { method: "POST", body: new FormData(event.target) });
      document.getElementById("refusal")?.remove();
      if (response.ok) wake.dispatchEvent(new Event("look"));
      else refuse(panel, await told(response));
    } catch {
      document.getElementById("refusal")?.remove();
      refuse(panel, document.getElementById("offline").content.textContent);
    }
    rebuild.focus({ preventScroll: true });
  });
}

// Said beside the panel: it stays while the panel follows the index.
function refuse(panel, words) {
  const reason = document.createElement("p");
  reason.id = "refusal";
  reason.className = "outcome failed";
  reason.textContent = words;
  panel.before(reason);
  say(words);
  // none where the panel has found out meanwhile that a rebuild runs
  for (const button of panel.querySelectorAll("button")) button.disabled = false;
}

async function told(response) {
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return `${page.querySelector("h1")?.textContent ?? response.status} · ${page.querySelector("main h1 + p")?.textContent ?? ""}`;
}
