// The page's elements, and which of its screens is shown.

/**
 * The element with this id.
 *
 * @param {string} id
 * @returns {?HTMLElement}
 */
export const $ = (id) => document.getElementById(id);

/**
 * Shows one screen (an element of class "screen") and hides all others, sends "shown" to the document, and moves the
 * focus to the screen's heading, so that a screen reader begins there.
 *
 * @param {string} id  of the screen; `document.body.dataset.screen` names it from now on
 * @returns {void}
 */
export function show(id) {
  document.body.dataset.screen = id;
  for (const section of document.querySelectorAll(".screen")) {
    section.hidden = section.id !== id;
  }
  scrollTo(0, 0);
  document.dispatchEvent(new Event("shown"));
  $(id).querySelector("h1, h2").focus({ preventScroll: true });
}
