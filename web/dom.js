// The page's elements, and which of its screens is shown. One gesture is one step: a screen or a dialog takes no touch in
// its first moments (`settle` in the style sheet); what else a double tap or a held key could do is stopped here.

export const GESTURE_MS = 600; // as `settle`; two taps within are one step
const NEAR = 40; // pixels between two taps of one gesture
let tap; // the last one
let closing; // the tap that closed a dialog
let dialog; // that was open at the last tap

export const $ = (id) => document.getElementById(id);
export const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize); // in pixels: a kiosk's is larger

/** Shows one screen, sends "shown", and moves the focus to its heading, so that a screen reader begins there. */
export function show(id) {
  document.body.dataset.screen = id;
  for (const section of document.querySelectorAll(".screen")) {
    section.hidden = true;
  }
  document.body.getClientRects(); // so that it settles again even if it was shown before
  $(id).hidden = false;
  scrollTo(0, 0);
  document.dispatchEvent(new Event("shown"));
  $(id).querySelector("h1, h2").focus({ preventScroll: true });
}

/** A pad's page takes no zoom, no menu of a long press, and nothing that is dragged; see `.pad` in the style sheet. */
export function holdStill() {
  const isFree = ({ target }) => target.closest("input, #by-hand img");
  const stop = (event) => isFree(event) || event.preventDefault();
  for (const name of ["gesturestart", "gesturechange", "contextmenu", "dragstart", "dragover", "drop"]) {
    addEventListener(name, stop); // gesture...: pinching, on iOS
  }
  addEventListener("wheel", (event) => event.ctrlKey && event.preventDefault(), { passive: false }); // pinching on a trackpad
}

/** Calls `action` for a tap on this button; a second one of the same gesture does nothing. */
export function onTap(button, action) {
  let last = -Infinity;
  button.onclick = () => {
    if (performance.now() - last >= GESTURE_MS) {
      last = performance.now();
      action();
    }
  };
}

function isSameGesture(event) {
  return closing && event.detail && event.timeStamp - closing.timeStamp < GESTURE_MS // detail: 0 from the keyboard
    && Math.hypot(event.clientX - closing.clientX, event.clientY - closing.clientY) < NEAR;
}

/** Notes a tap, and whether the one before closed a dialog. (The event "close" may come later than the next tap.) */
function note(event) {
  if (dialog && !dialog.open) {
    closing = tap;
  }
  dialog = document.querySelector("dialog[open]");
  tap = event;
}

addEventListener("click", (event) => {
  note(event);
  if (isSameGesture(event)) { // it would meet what lay below the dialog
    event.preventDefault();
    event.stopImmediatePropagation();
  } else {
    closing = undefined; // whatever comes after is a step of its own
  }
}, true);
addEventListener("pointerdown", note, true); // with it the idle time's question goes
addEventListener("keydown", (event) => event.repeat && event.key === "Enter" && event.preventDefault(), true);
