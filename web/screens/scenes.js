// The choice of scenes.

import { listScenes } from "../api.js";
import { $, show } from "../dom.js";
import { errorText, localized, text } from "../text.js";

/** The screen #scenes. */
export class ScenesScreen {
  #session;

  /**
   * @param {import("./session.js").Session} session  takes the catalogue and the choice
   * @param {{onNext: () => void}} options
   */
  constructor(session, { onNext }) {
    this.#session = session;
    $("to-camera").onclick = onNext;
    document.addEventListener("translated", () => this.#list());
  }

  /**
   * Shows the screen.
   *
   * @returns {void}
   */
  open() {
    this.#showChoice(); // which another visitor may have left otherwise
    show("scenes");
  }

  /**
   * Loads the catalogue into the session. Goes on trying while there is no connection, and says so on the screen, as it
   * does if the booth refuses.
   *
   * @returns {Promise<boolean>}  whether there is a catalogue now
   */
  async load() {
    const signal = new AbortController().signal;
    const onTrouble = () => { $("scenes-missing").textContent = text("scenes.missing"); };
    try {
      this.#session.useCatalogue(await listScenes({ signal, onTrouble }));
    } catch (error) {
      $("scenes-missing").textContent = errorText(error);
      return false;
    }
    $("scenes-missing").textContent = "";
    if (!this.#session.isPhone) {
      this.#list();
    }
    return true;
  }

  #list() {
    $("scene-list").replaceChildren(...this.#session.catalogue.scenes.map(({ id, title, color, thumbnail }) => {
      const item = $("scene").content.cloneNode(true);
      const box = item.querySelector("input");
      box.value = id;
      box.onchange = () => this.#choose(box);
      item.querySelector("img").src = thumbnail;
      item.querySelector("img").style.backgroundColor = color;
      item.querySelector("span").textContent = localized(title);
      return item;
    }));
    this.#showChoice();
  }

  /** Takes or drops a scene; one too many drops the one that was chosen first. */
  #choose(box) {
    const others = this.#session.chosen.filter((id) => id !== box.value);
    const { mostScenes } = this.#session.settings;
    this.#session.chosen = box.checked ? [...others, box.value].slice(-mostScenes) : others;
    this.#showChoice();
  }

  #showChoice() {
    const { chosen, settings } = this.#session;
    for (const box of $("scene-list").querySelectorAll("input")) {
      box.checked = chosen.includes(box.value);
    }
    $("chosen").textContent = text("scenes.chosen", { count: chosen.length, most: settings.mostScenes });
    $("to-camera").disabled = chosen.length === 0;
  }
}
