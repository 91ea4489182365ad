// The booth token: who may send photos where the booth asks for one.

import { isTokenGood, keepToken } from "../api.js";
import { $, show } from "../dom.js";
import { text } from "../text.js";

export class PairingScreen {
  #onPaired;

  constructor({ onCancel }) {
    $("pair-form").onsubmit = (event) => {
      event.preventDefault();
      this.#pair($("token").value.trim());
    };
    $("unpaired").onclick = onCancel;
  }

  /** Asks for a token. hasPhoto: one waits for it; token: from a pairing link, the booth is asked at once. */
  open({ hasPhoto, token = "", onPaired }) {
    this.#onPaired = onPaired;
    $("pair-kept").hidden = !hasPhoto;
    $("pair-problem").textContent = "";
    $("token").value = token;
    show("pairing");
    if (token) {
      this.#pair(token);
    }
  }

  async #pair(token) {
    const onPaired = this.#onPaired;
    const submit = $("pair-form").querySelector("[type=submit]");
    let problem = "pair.wrong";
    submit.disabled = true;
    $("pair-problem").textContent = "";
    try {
      if (/^[!-~]+$/.test(token) && await isTokenGood(token)) { // a header takes nothing else
        problem = "";
      }
    } catch {
      problem = "pair.unreachable";
    }
    submit.disabled = false;
    if (!problem) {
      keepToken(token);
      onPaired();
    }
    $("pair-problem").textContent = problem && text(problem);
  }
}
