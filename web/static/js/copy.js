// Copying a quotation: the passage as the source has it, then where it stands.
import { say } from "./voice.js";

export function copies() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-citation], button[data-copy-previous]");
    if (!button) return;
    const passage = button.closest(".hit")?.querySelector(".passage") ?? button.previousElementSibling;
    const lines = [passage.textContent, button.dataset.citation].filter(Boolean);
    if (await copy(lines.join("\n"))) confirm(button);
  });
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyByHand(text); // plain http on a network has no clipboard interface
  }
}

function copyByHand(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "quiet-voice";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

function confirm(button) {
  const copied = document.getElementById("copied").content.textContent;
  button.dataset.label ??= button.textContent;
  button.textContent = copied;
  say(copied);
  setTimeout(() => { button.textContent = button.dataset.label; }, 1600);
}
