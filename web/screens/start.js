// The start: the event's title, with the scenes drifting by behind it.

import { boothTime } from "../api.js";
import { after } from "../clock.js";
import { $, show } from "../dom.js";
import { localized, pauseText, text } from "../text.js";

const DRIFT_ROWS = 5;
const HOUR_MS = 3_600_000; // a browser's timer takes no more than some weeks

export class StartScreen {
  #session;
  #cancel = () => {}; // the look whether the booth goes on

  constructor(session, { onBegin }) {
    this.#session = session;
    $("start").onclick = () => !$("begin").hidden && onBegin();
    document.addEventListener("translated", () => {
      $("title").textContent = localized(session.settings.title);
      this.#showPause();
    });
  }

  /** `note`: key of a text that is shown below the button. */
  open(note = "") {
    show("start");
    this.say(note);
  }

  /** While the booth is paused nobody can begin; it goes on by itself when the time has come. */
  #showPause() {
    const { paused } = this.#session.settings;
    const left = paused?.until ? paused.until * 1000 - (boothTime() || Date.now()) : HOUR_MS;
    const isPaused = Boolean(paused) && left > 0;
    $("begin").hidden = isPaused;
    $("pause").textContent = isPaused ? pauseText(paused) : "";
    this.#cancel();
    if (isPaused) {
      this.#cancel = after(Math.min(left, HOUR_MS), () => this.#showPause());
    }
  }

  say(note) {
    $("start-note").textContent = note && text(note);
  }

  showScenes() {
    const scenes = this.#session.offered;
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
