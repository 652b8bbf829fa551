// What a screen reader is told; the same words are not said twice.
const live = document.getElementById("live");
let said = "";

export function say(words) {
  if (!words || words === said) return;
  said = words;
  live.textContent = words;
}
