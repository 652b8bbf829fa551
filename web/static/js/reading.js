// The reading page: the passage in view, the outline following the reader, the drawer closing.
export function reading() {
  const contents = document.getElementById("contents");
  if (!contents) return;
  if (!location.hash) document.getElementById("match")?.scrollIntoView({ behavior: "instant", block: "center" });
  contents.addEventListener("click", (event) => {
    if (event.target.closest("a") && contents.matches(":popover-open")) contents.hidePopover();
  });
  document.addEventListener("keydown", step);
  follow(contents);
}

// "n" and "p" as in every pager; arrows stay with scrolling
function step(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input, textarea")) return;
  const link = { n: "next", p: "prev" }[event.key];
  if (link) document.querySelector(`.bar a[rel="${link}"]`)?.click();
}

function follow(contents) {
  const links = [...contents.querySelectorAll("a")];
  const marks = links.map((link) => document.getElementById(link.hash.slice(1)));
  let current = null;
  const update = () => {
    const line = innerHeight * 0.45;
    // the document may set its title lines above a lead that the source prints before them
    const passed = marks.findLastIndex((mark) => mark && mark.getBoundingClientRect().top <= line);
    const link = links[Math.max(passed, 0)];
    if (link === current) return;
    current?.removeAttribute("aria-current");
    link.setAttribute("aria-current", "location");
    current = link;
    if (getComputedStyle(contents).position === "sticky") keepInView(contents, link);
  };
  let waiting = false;
  addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; update(); });
  }, { passive: true });
  update();
  // a drawer has no height while it is closed
  contents.addEventListener("toggle", (event) => {
    if (event.newState === "open") keepInView(contents, current);
  });
}

function keepInView(list, link) {
  const top = link.offsetTop - list.clientHeight / 2;
  list.scrollTo({ top: Math.max(top, 0), behavior: "instant" });
}
