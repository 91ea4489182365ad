// What the browser can't save or copy itself. Loaded with the first picture.

import { $ } from "./dom.js";
import { text } from "./text.js";

/** Shows what the browser can't save or copy itself, pictures or a field, for the visitor's own fingers. */
export function showByHand(title, things) {
  $("by-hand-title").textContent = text(title);
  $("by-hand-things").replaceChildren(...things);
  $("close-by-hand").onclick = () => $("by-hand").close();
  $("by-hand").onclose = () => {
    things.forEach(({ src }) => src && URL.revokeObjectURL(src));
    $("by-hand-things").replaceChildren();
  };
  $("by-hand").showModal();
  const [first] = things;
  first.setAttribute("aria-label", text(title));
  first.select?.();
}
