// Questions to the visitor, and the idle time after which the pad starts over.

import { $ } from "./dom.js";
import { text } from "./text.js";

const WARNING_SECONDS = 15;

/**
 * Asks; gives true for yes. While `onYes` works the dialog stays, and if it throws, `failed` is shown.
 *
 * @param {{title: string, message: string, yes: string, no: string, working: string, failed: string,
 *          onYes: () => Promise<void>}} question  keys of texts
 */
export function ask({ title, message, yes, no, working, failed, onYes }) {
  $("ask-title").textContent = text(title);
  $("ask-text").textContent = text(message);
  $("ask-yes").textContent = text(yes);
  $("ask-yes").className = "danger";
  $("ask-yes").hidden = false;
  $("ask-yes").disabled = false;
  $("ask-no").textContent = text(no);
  $("ask-problem").textContent = "";
  return new Promise((resolve) => {
    const end = (answer) => {
      $("ask").oncancel = null;
      $("ask").close();
      resolve(answer);
    };
    $("ask").oncancel = () => end(false);
    $("ask-no").onclick = () => end(false);
    $("ask-yes").onclick = async () => {
      $("ask-yes").disabled = true;
      $("ask-problem").textContent = "";
      $("ask-text").textContent = text(working);
      try {
        await onYes();
        end(true);
      } catch {
        $("ask-text").textContent = text(message);
        $("ask-problem").textContent = text(failed);
        $("ask-yes").disabled = false;
      }
    };
    $("ask").showModal();
  });
}

/** Warns after so many seconds without a touch or a key, and then calls `onIdle`. */
export class IdleTimer {
  #seconds;
  #onIdle;
  #timer;
  #isWarning = false;

  constructor(seconds, onIdle) {
    this.#seconds = seconds;
    this.#onIdle = onIdle;
    for (const name of ["pointerdown", "keydown", "input"]) {
      addEventListener(name, () => this.#timer && this.start());
    }
  }

  /** Counts from now on. */
  start() {
    this.stop();
    this.#timer = setTimeout(() => this.#warn(WARNING_SECONDS), this.#seconds * 1000);
  }

  /** Counts no more. */
  stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#isWarning) {
      this.#isWarning = false;
      $("ask").close();
    }
  }

  #warn(left) {
    if (left === 0) {
      this.stop();
      this.#onIdle();
      return;
    }
    $("ask-text").textContent = text("idle.text", { seconds: left });
    if (!this.#isWarning) {
      document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
      this.#isWarning = true;
      $("ask-title").textContent = text("idle.title");
      $("ask-problem").textContent = "";
      $("ask-yes").hidden = true;
      $("ask-no").textContent = text("idle.stay");
      $("ask-no").onclick = () => this.start();
      $("ask").oncancel = () => this.start();
      $("ask").showModal();
    }
    this.#timer = setTimeout(() => this.#warn(left - 1), 1000);
  }
}
