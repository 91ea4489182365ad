// The start: the event's title, with the scenes drifting by behind it.

import { $, show } from "../dom.js";
import { localized, text } from "../text.js";

const DRIFT_ROWS = 5;

export class StartScreen {
  #session;

  constructor(session, { onBegin }) {
    this.#session = session;
    $("start").onclick = onBegin;
    document.addEventListener("translated", () => { $("title").textContent = localized(session.settings.title); });
  }

  /** `note`: key of a text that is shown below the button. */
  open(note = "") {
    show("start");
    this.say(note);
  }

  say(note) {
    $("start-note").textContent = note && text(note);
  }

  showScenes() {
    const { scenes } = this.#session.catalogue;
    const rows = Array.from({ length: DRIFT_ROWS }, (_, row) => {
      const element = document.createElement("div");
      const shift = Math.floor(row * scenes.length / DRIFT_ROWS);
      const order = [...scenes.slice(shift), ...scenes.slice(0, shift)];
      const round = Array.from({ length: Math.ceil(8 / order.length) }, () => order).flat();
      element.append(...[...round, ...round].map(({ thumbnail, color }) => { // twice, so that the end meets the start
        const image = new Image();
        image.src = thumbnail;
        image.alt = "";
        image.style.backgroundColor = color;
        return image;
      }));
      return element;
    });
    $("drift").replaceChildren(...rows);
  }
}
