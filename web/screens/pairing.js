// The booth token: who may send photos where the booth asks for one.

import { isTokenGood, keepToken } from "../api.js";
import { $, show } from "../dom.js";
import { text } from "../text.js";

/** The screen #pairing. */
export class PairingScreen {
  #onPaired;

  /** @param {{onCancel: () => void}} options */
  constructor({ onCancel }) {
    $("pair-form").onsubmit = (event) => {
      event.preventDefault();
      this.#pair($("token").value.trim());
    };
    $("unpaired").onclick = onCancel;
  }

  /**
   * Asks for a token.
   *
   * @param {{hasPhoto: boolean, onPaired: () => void}} options  hasPhoto: a photo waits for the token;
   *     onPaired: this device has a token that the booth takes
   * @returns {void}
   */
  open({ hasPhoto, onPaired }) {
    this.#onPaired = onPaired;
    $("pair-kept").hidden = !hasPhoto;
    $("pair-problem").textContent = "";
    $("token").value = "";
    show("pairing");
  }

  async #pair(token) {
    try {
      if (!await isTokenGood(token)) {
        $("pair-problem").textContent = text("pair.wrong");
        return;
      }
    } catch {
      $("pair-problem").textContent = text("pair.unreachable");
      return;
    }
    keepToken(token);
    this.#onPaired();
  }
}
