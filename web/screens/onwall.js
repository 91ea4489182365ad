// How each picture stands with the event's wall, said below it, and a way to take it off. Loaded when one is for the wall.

import { takeOffWall } from "../api.js";
import { $ } from "../dom.js";
import { element } from "../elements.js";
import { text } from "../text.js";

const ROOM = 4.25; // rem for a row, a line and below it a button where pictures are narrow; as in the style sheet
const ATTEMPTS = 3;

export class OnWall {
  #tiles;
  #visit = null; // that is shown
  #off = new Set(); // numbers of its pictures that were taken off here
  #failed = new Set(); // of those for which that didn't work

  constructor(tiles) {
    this.#tiles = tiles;
  }

  /** Shows a visit's pictures as its last answer has them. */
  show(visit) {
    if (visit !== this.#visit) {
      this.#visit = visit;
      this.#off.clear();
      this.#failed.clear();
    }
    visit.state.answer?.pictures.forEach(({ state, wall }, index) => {
      const below = $("tiles").children[index + 1]?.lastElementChild; // the first is the visitor's photo
      if (below && wall && state === "DONE") {
        this.#showRow(below.querySelector(".on-wall") ?? this.#addRow(below, index + 1), index + 1, wall);
      }
    });
  }

  #addRow(below, number) {
    const button = element("button", { type: "button", onclick: () => this.#takeOff(number) });
    const row = element("div", { class: "on-wall" }, element("p", { role: "status" }), button);
    below.append(row);
    this.#tiles.room = ROOM;
    this.#tiles.layOut();
    return row;
  }

  #showRow(row, number, wall) {
    const [said, button] = row.children;
    const state = this.#off.has(number) ? "off" : wall;
    const key = state !== "off" && this.#failed.has(number) ? "failed" : state;
    if (said.textContent !== text(`wall.${key}`)) {
      said.textContent = text(`wall.${key}`);
    }
    button.hidden = state === "off";
    button.textContent = text(state === "shown" ? "wall.takeOff" : "wall.keepOff");
  }

  /** At once on this page; the booth is told, and if it can't be, the picture is as before. */
  async #takeOff(number) {
    const visit = this.#visit;
    const { signal } = new AbortController();
    this.#off.add(number);
    this.#failed.delete(number);
    this.show(visit);
    try {
      await takeOffWall({ requestId: visit.record.requestId, picture: number }, { signal, attempts: ATTEMPTS });
    } catch {
      if (visit === this.#visit) {
        this.#off.delete(number);
        this.#failed.add(number);
        this.show(visit);
      }
    }
  }
}
