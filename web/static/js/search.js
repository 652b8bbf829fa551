// Searching within the frame: the URL, back and forward behave as if each result were a page.
import { fetchFragment, reveal } from "./fragment.js";
import { remember, recent } from "./recent.js";
import { say } from "./voice.js";

const form = document.getElementById("ask");
const frame = document.getElementById("frame");
let running = null;
let shown = place();

export function search() {
  if (!form) return;
  const box = form.elements.q;
  let composing = false;
  box.addEventListener("compositionstart", () => { composing = true; });
  // Safari ends the composition before the Enter that ended it arrives
  box.addEventListener("compositionend", () => setTimeout(() => { composing = false; }));
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (composing || event.isComposing || event.keyCode === 229)) {
      event.preventDefault();
    }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (composing) return;
    // code points, as the server counts: a string's length is in UTF-16 units
    if ([...box.value.trim()].length > Number(box.dataset.limit)) refuse(box);
    else go(address());
  });
  form.addEventListener("change", (event) => {
    if (event.target !== box && box.value.trim()) go(address());
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-frame], a[data-again]");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    const again = link.hasAttribute("data-again");
    if (again) frame.focus({ preventScroll: true }); // the link goes with the notice
    go(again ? location.href : link.href);
  });
  window.addEventListener("popstate", (event) => {
    // a jump within the page, as of the skip link, changes nothing but the fragment
    if (place() !== shown) show(location.href, event.state?.y ?? 0);
  });
  note();
}

function place() {
  return location.pathname + location.search;
}

function address() {
  const url = new URL(form.action);
  for (const [name, value] of new FormData(form)) {
    const text = value.trim();
    if (text && !(name === "mode" && text === "hybrid")) url.searchParams.set(name, text);
  }
  return url.href;
}

function refuse(box) {
  running?.abort();
  box.setAttribute("aria-invalid", "true");
  put(document.getElementById("too-long").content.cloneNode(true));
  frame.removeAttribute("aria-busy");
  document.body.classList.remove("is-blank");
  name();
}

// With the link that was used its focus would be lost: who reads by keyboard or ear stays here.
function put(...nodes) {
  const inside = frame.contains(document.activeElement);
  frame.replaceChildren(...nodes);
  if (inside) frame.focus({ preventScroll: true });
}

// What is no answer has its heading to say and to be called.
function name() {
  const words = frame.querySelector("h1, h2")?.textContent;
  if (!words) return;
  document.title = `${words} · ${document.querySelector(".brand .name").textContent}`;
  say(words);
}

async function go(href) {
  history.replaceState({ y: scrollY }, "");
  if (href !== location.href) history.pushState({ y: 0 }, "", href);
  await show(href, 0);
}

async function show(href, y) {
  running?.abort();
  const mine = running = new AbortController();
  shown = place();
  fill(new URL(href).searchParams);
  frame.setAttribute("aria-busy", "true");
  try {
    const url = new URL(frame.dataset.address, location.href);
    url.search = new URL(href).search;
    const answer = await fetchFragment(url, mine.signal);
    // the page of its own follows how far the index is, and shows itself when it is there
    if (answer.root.querySelector("#preparing")) return location.reload();
    put(...answer.nodes);
    document.getElementById("notice").replaceChildren();
  } catch (error) {
    if (error.name === "AbortError") return;
    put(document.getElementById("offline").content.cloneNode(true));
  }
  if (running !== mine) return;
  frame.removeAttribute("aria-busy");
  note();
  reveal(frame);
  scrollTo({ top: y, behavior: "instant" });
}

// The form shows what the address asks, also after going back.
function fill(asked) {
  form.elements.q.value = asked.get("q") ?? "";
  form.elements.mode.value = asked.get("mode") ?? "hybrid";
  if (form.elements.document?.options) form.elements.document.value = asked.get("document") ?? "";
}

// Take over what the new contents say of themselves.
function note() {
  const answer = frame.querySelector(".answer");
  const asked = new URL(location.href).searchParams.get("q")?.trim() ?? "";
  document.body.classList.toggle("is-blank", Boolean(answer && !asked));
  form.elements.q.removeAttribute("aria-invalid");
  if (!answer) return name();
  document.title = answer.dataset.title;
  say(answer.dataset.say);
  // the box may hold the next question by now
  if (frame.querySelector(".hits")) remember(asked);
  recent();
}
