// Recent questions: kept in this browser only, never sent but as the question itself.
const KEY = "recent-questions";
const MOST = 8;

function load() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}

function store(questions) {
  try {
    localStorage.setItem(KEY, JSON.stringify(questions));
  } catch {
    // private windows refuse: then nothing is remembered
  }
}

export function remember(question) {
  if (question) store([question, ...load().filter((each) => each !== question)].slice(0, MOST));
}

export function recent() {
  const section = document.querySelector("[data-recent]");
  const questions = section ? load() : [];
  if (!questions.length) return;
  section.querySelector("ul").replaceChildren(...questions.map(item));
  section.querySelector("button").onclick = () => {
    localStorage.removeItem(KEY);
    section.hidden = true;
    document.getElementById("q").focus();
  };
  section.hidden = false;
}

function item(question) {
  // document, section and mode stay: the form above names them
  const url = new URL(location.href);
  url.searchParams.set("q", question);
  url.searchParams.delete("page");
  url.hash = "";
  const link = document.createElement("a");
  link.href = url.href;
  link.dataset.frame = "";
  link.textContent = question;
  const line = document.createElement("li");
  line.append(link);
  return line;
}
