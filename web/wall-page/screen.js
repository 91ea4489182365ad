// The device before which nobody stands: its screen stays awake, is filled by a tap, and shows no pointer.

import { after, within } from "../clock.js";

const ANSWER_MS = 5000; // may the browser take
const LOOK_MS = 30_000; // between two looks whether the screen is kept awake
const POINTER_MS = 3000; // is the pointer seen after it was moved

let lock = null;
let isAsking = false;

/** Keeps the screen awake as far as the browser does that: it lets go whenever the page is hidden, or power is low. */
export function stayAwake() {
  document.addEventListener("visibilitychange", ask);
  const look = () => {
    ask();
    after(LOOK_MS, look);
  };
  look();
}

async function ask() {
  if (document.hidden || isAsking || (lock && !lock.released)) {
    return;
  }
  isAsking = true;
  try {
    lock = await within(ANSWER_MS, navigator.wakeLock.request("screen"));
  } catch (error) {
    console.warn("the screen may go dark", error.name);
  }
  isAsking = false;
}

/** Hides the pointer (the document's class "still") while nobody moves it. */
export function hidePointer() {
  let cancel = () => {};
  const hide = () => document.documentElement.classList.add("still");
  addEventListener("pointermove", () => {
    cancel();
    document.documentElement.classList.remove("still");
    cancel = after(POINTER_MS, hide);
  });
  hide();
}

/** A tap, F or Enter fills the screen, and the next one leaves it. */
export function fillByTap() {
  addEventListener("click", fill);
  addEventListener("keydown", ({ key, repeat }) => !repeat && /^(f|enter)$/i.test(key) && fill());
}

async function fill() {
  try {
    await (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen());
  } catch ({ name }) {
    console.warn("no full screen", name);
  }
}
