// Pieces of page come from the server, which alone knows the texts and both languages.
export async function fetchFragment(url, signal) {
  const response = await fetch(url, { signal, headers: { Accept: "text/html" } });
  const html = await response.text();
  const page = new DOMParser().parseFromString(html, "text/html");
  // an error is a whole page of its own: what it says stands in its <main>
  const root = response.ok ? page.body : page.querySelector("main") ?? page.body;
  return { ok: response.ok, nodes: [...root.childNodes], root };
}

// What only a script can do is shown where there is one; what it does itself need not be.
export function reveal(root) {
  for (const element of root.querySelectorAll("[data-script-only]")) element.hidden = false;
  for (const element of root.querySelectorAll("[data-without-script]")) element.hidden = true;
}
