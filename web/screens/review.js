// Use the photo, or take another one.

import { $, show } from "../dom.js";
import { text } from "../text.js";

/** The screen #review. */
export class ReviewScreen {
  #autoUseSeconds;
  #onUse;
  #photo = null;
  #timer; // of the countdown to the photo's use

  /**
   * @param {import("./session.js").Session} session
   * @param {{onUse: (photo: import("../visit.js").Photo) => void, onRetake: () => void}} options
   */
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

  /**
   * Shows a photo; where the settings say so it is used by itself after some seconds.
   *
   * @param {import("../visit.js").Photo} photo
   * @returns {void}
   */
  open(photo) {
    this.#photo = photo;
    $("review-note").textContent = "";
    $("shot").hidden = false;
    $("shot").src = URL.createObjectURL(photo.blob);
    show("review");
    clearTimeout(this.#timer);
    if (this.#autoUseSeconds) {
      this.#countDown(this.#autoUseSeconds);
    } else {
      $("auto").textContent = "";
    }
  }

  /**
   * Forgets the photo.
   *
   * @returns {void}
   */
  close() {
    clearTimeout(this.#timer);
    URL.revokeObjectURL($("shot").src);
    $("shot").removeAttribute("src");
    this.#photo = null;
  }

  #countDown(left) {
    if (left === 0) {
      this.#use();
      return;
    }
    $("auto").textContent = text("review.auto", { seconds: left });
    this.#timer = setTimeout(() => this.#countDown(left - 1), 1000);
  }

  #use() {
    const photo = this.#photo;
    this.close();
    this.#onUse(photo);
  }
}
