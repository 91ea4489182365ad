// What happens with a photo, and whether the visitor agrees.

import { showPrivacy } from "../common.js";
import { $, show } from "../dom.js";
import { language, text } from "../text.js";

/** The screen #consent, and the dialog #privacy over it. */
export class ConsentScreen {
  #session;

  constructor(session, { onAgree, onRefuse }) {
    this.#session = session;
    const { settings } = session;
    $("wall-choice").hidden = !settings.wall;
    $("agree").onclick = () => {
      session.consent = {
        policy: settings.privacy.version, language, time: new Date().toISOString(), wall: $("wall").checked,
      };
      onAgree();
    };
    $("refuse").onclick = onRefuse;
    $("privacy-link").onclick = (event) => { // a pad has no way back from another page
      event.preventDefault();
      showPrivacy(settings);
      $("privacy").showModal();
    };
    $("close-privacy").onclick = () => $("privacy").close();
    document.addEventListener("translated", () => {
      $("consent-keep").textContent = text("consent.keep", { days: settings.privacy.retentionDays });
    });
  }

  open() {
    $("consent-again").hidden = !this.#session.settings.again;
    show("consent");
  }

  close() {
    $("wall").checked = false;
  }
}
