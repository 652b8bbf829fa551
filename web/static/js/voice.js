// What a screen reader is told.
const live = document.getElementById("live");
let followed = "";

// The same words are heard again only where they come anew, a frame after the last ones went.
export function say(words) {
  if (!words) return;
  live.textContent = "";
  requestAnimationFrame(() => { live.textContent = words; });
}

// For what is looked at again and again: said when it changes.
export function sayOnce(words) {
  if (!words || words === followed) return;
  followed = words;
  say(words);
}
