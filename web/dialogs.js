// Questions to the visitor, and the idle time after which the pad starts over.

import { countDown } from "./clock.js";
import { $ } from "./dom.js";
import { text } from "./text.js";

const WARNING_SECONDS = 15;

/**
 * Asks a question with yes and no (#ask); its fields are keys of texts. While `onYes` works the dialog stays; if it
 * rejects, `failed` is shown and the visitor may try again. Gives true once it has succeeded.
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

/** Warns after so many seconds without a touch or a key, then calls `onIdle`; at once if the device slept so long. */
export class IdleTimer {
  #seconds;
  #onIdle;
  #cancel = null; // null: stopped
  #isWarning = false;

  constructor(seconds, onIdle) {
    this.#seconds = seconds;
    this.#onIdle = onIdle;
    for (const name of ["pointerdown", "keydown", "input"]) {
      addEventListener(name, () => this.#cancel && this.start());
    }
  }

  start() {
    this.stop();
    const onEnd = () => {
      this.stop();
      this.#onIdle();
    };
    this.#cancel = countDown(this.#seconds + WARNING_SECONDS, (left) => this.#count(left), onEnd);
  }

  stop() {
    this.#cancel?.();
    this.#cancel = null;
    if (this.#isWarning) {
      this.#isWarning = false;
      $("ask").close();
    }
  }

  #count(left) {
    if (left > WARNING_SECONDS) {
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
  }
}
