// The choice of scenes.

import { listScenes } from "../api.js";
import { $, rem, show } from "../dom.js";
import { errorText, localized, text } from "../text.js";

const GAP = 12; // pixels between tiles, as in the style sheet
const KEEP = ["face", "head", "person"];
const LEAST_TILE = 8.75; // rem; in narrower ones titles break

export class ScenesScreen {
  #session;

  constructor(session, { onNext }) {
    this.#session = session;
    $("to-camera").onclick = onNext;
    $("keep-choice").append(...KEEP.map((keep) => {
      const part = $("keep-part").content.cloneNode(true);
      const button = part.querySelector("input");
      button.value = keep;
      button.onclick = () => { // a tap on what is ticked already is a choice, too
        session.tapped = keep;
        this.#showChoice();
      };
      return part;
    }));
    document.addEventListener("translated", () => this.#list());
    new ResizeObserver(() => this.#layOut()).observe($("scenes"));
  }

  open() {
    this.#showChoice(); // which another visitor may have left otherwise
    show("scenes");
  }

  /** Loads the catalogue; goes on trying without a connection, and says so. Gives whether there is one now. */
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
    $("scene-list").replaceChildren(...this.#session.offered.map(({ id, title, color, thumbnail }) => {
      const item = $("scene").content.cloneNode(true);
      const box = item.querySelector("input");
      box.value = id;
      box.onchange = () => this.#choose(box);
      item.querySelector("img").src = thumbnail;
      item.querySelector("img").style.backgroundColor = color;
      item.querySelector("span").textContent = localized(title);
      return item;
    }));
    $("keep-choice").hidden = !this.#session.settings.keepChoice || !this.#session.canKeep;
    for (const part of $("keep-choice").querySelectorAll("label")) {
      const key = `keep.${part.querySelector("input").value}`;
      part.querySelector("b").textContent = text(key);
      part.querySelector("small").textContent = text(`${key}.new`);
    }
    this.#showChoice();
    this.#layOut();
  }

  /** Takes or drops a scene. One too many is not taken, and that is said; where one is the most, it takes its place. */
  #choose(box) {
    const { chosen, settings: { mostScenes } } = this.#session;
    const others = mostScenes === 1 ? [] : chosen.filter((id) => id !== box.value);
    const isFull = box.checked && others.length >= mostScenes;
    if (!isFull) {
      this.#session.chosen = box.checked ? [...others, box.value] : others;
    }
    this.#showChoice(isFull);
  }

  /** Makes the tiles as large as they can be without scrolling, with a last row that is well filled. */
  #layOut() {
    const list = $("scene-list");
    const { length } = list.children;
    const width = list.clientWidth;
    if (!width || !length) {
      return;
    }
    const title = list.querySelector("span").offsetHeight;
    const bar = $("to-camera").parentElement.offsetHeight;
    const height = innerHeight - list.getBoundingClientRect().top - scrollY - bar - 2 * GAP;
    const least = LEAST_TILE * rem();
    let best = { score: 0 };
    for (let columns = 1; columns <= length; columns += 1) {
      const rows = Math.ceil(length / columns);
      const last = length - columns * (rows - 1);
      const byWidth = (width - GAP * (columns - 1)) / columns;
      const byHeight = ((height - GAP * (rows - 1)) / rows - title) * 4 / 3;
      const isInView = byHeight >= least; // else it scrolls
      const size = isInView ? Math.min(byWidth, byHeight) : byWidth;
      const fill = (last < columns / 2 ? 0.5 : 1) * length / (columns * rows);
      const score = fill * (isInView ? size : least / 2);
      if (byWidth >= least && score >= best.score) {
        best = { score, size };
      }
    }
    list.style.setProperty("--size", `${Math.floor(best.size ?? width)}px`);
  }

  #showChoice(isFull = false) {
    const { chosen, keep, settings } = this.#session;
    for (const box of $("scene-list").querySelectorAll("input")) {
      box.checked = chosen.includes(box.value);
    }
    for (const button of $("keep-choice").querySelectorAll("input")) {
      button.checked = button.value === keep;
    }
    $("keep-title").textContent = text(keep ? "keep.title" : "keep.each");
    const values = { count: chosen.length, most: settings.mostScenes };
    $("chosen").textContent = text(isFull ? "scenes.full" : "scenes.chosen", values);
    $("chosen").classList.toggle("too-many", isFull);
    $("to-camera").disabled = chosen.length === 0;
  }
}
