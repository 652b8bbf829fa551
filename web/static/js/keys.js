// "/" asks from anywhere; arrows move between results; Enter opens (a link does); Esc returns.
const box = document.getElementById("q");

export function keys() {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "/" && !typing(event.target)) {
      event.preventDefault();
      if (box) ask();
      else location.assign(document.querySelector(".brand").href);
    } else if (box && event.key === "Escape" && event.target !== box) {
      ask();
    } else if (box && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      move(event);
    }
  });
}

function typing(element) {
  return element.isContentEditable || element.matches("input:not([type=radio]), textarea, select");
}

function ask() {
  box.focus();
  box.select();
}

function move(event) {
  const links = [...document.querySelectorAll(".hit .open")];
  const here = document.activeElement;
  const inside = here?.closest(".hit");
  const resting = here === box || here === document.body || here?.id === "frame";
  if (!links.length || !(resting || inside)) return;
  const at = inside ? links.findIndex((link) => inside.contains(link)) : -1;
  const next = at + (event.key === "ArrowDown" ? 1 : -1);
  if (next >= links.length || (at === -1 && next < 0)) return;
  event.preventDefault();
  if (next < 0) {
    ask();
    scrollTo({ top: 0 });
    return;
  }
  links[next].focus({ preventScroll: true });
  links[next].closest(".hit").scrollIntoView({ block: "nearest" });
}
