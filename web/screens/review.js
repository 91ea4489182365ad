// Use the photo, or take another one.

import { countDown } from "../clock.js";
import { $, show } from "../dom.js";
import { text } from "../text.js";

export class ReviewScreen {
  #autoUseSeconds;
  #onUse;
  #photo = null;
  #cancel = () => {}; // the countdown to the photo's use

  constructor({ settings }, { onUse, onRetake }) {
    this.#autoUseSeconds = settings.autoUseSeconds;
    this.#onUse = onUse;
    $("shot").onerror = () => { // HEIC in most browsers
      $("shot").hidden = true;
      $("review-note").textContent = text("review.unseen");
    };
    $("use").onclick = () => this.#use();
    $("retake").onclick = () => {
      this.close();
      onRetake();
    };
  }

  /** Shows a photo; where the settings say so it is used by itself after some seconds. */
  open(photo) {
    this.#photo = photo;
    $("review-note").textContent = "";
    $("shot").hidden = false;
    URL.revokeObjectURL($("shot").src);
    $("shot").src = URL.createObjectURL(photo.blob);
    show("review");
    this.#cancel();
    $("auto").textContent = "";
    if (this.#autoUseSeconds) {
      const onSecond = (seconds) => { $("auto").textContent = text("review.auto", { seconds }); };
      this.#cancel = countDown(this.#autoUseSeconds, onSecond, () => this.#use());
    }
  }

  close() {
    this.#cancel();
    URL.revokeObjectURL($("shot").src);
    $("shot").removeAttribute("src");
    this.#photo = null;
  }

  #use() {
    const photo = this.#photo;
    if (photo) { // else it is a second tap
      this.close();
      this.#onUse(photo);
    }
  }
}
