// What the wall shows at one time: one to three pictures, and behind them their own colours.

import { element } from "../elements.js";
import { text } from "../text.js";
import { place } from "./layout.js";

const COLOURS = [8, 6]; // of the backdrop: cells across and down
const SMOOTH = [96, 72]; // the same, smoothed; the style sheet stretches it

export class Slide {
  #pictures;
  #backdrop = element("canvas", { class: "backdrop" });
  #group = element("div", { class: "pictures" });
  isNew;

  /** `pictures`: [{url, aspect, image}], the images decoded; `isNew`: they have just been finished. */
  constructor(pictures, isNew) {
    this.#pictures = pictures;
    this.isNew = isNew;
    pictures.forEach(({ image }) => { image.alt = text("picture"); });
    this.#group.append(...pictures.map(({ image }) => image));
    this.element = element("div", { class: isNew ? "slide new" : "slide" }, this.#backdrop, this.#group);
    this.#paint();
  }

  get urls() {
    return this.#pictures.map(({ url }) => url);
  }

  /** Lays the pictures out in this area of the screen (DOMRect). */
  place(area) {
    for (const side of ["left", "top", "width", "height"]) {
      this.#group.style[side] = `${area[side]}px`;
    }
    place(this.#pictures, area).forEach((box, index) => {
      for (const [side, pixels] of Object.entries(box)) {
        this.#pictures[index].image.style[side] = `${pixels}px`;
      }
    });
  }

  /** Takes a picture, and its colours, off at once; the others stay where they are. Whether it was here. */
  drop(url) {
    const found = this.#pictures.find((picture) => picture.url === url);
    if (found) {
      found.image.remove();
      Object.assign(found, { url: "", image: element("img") }); // nothing keeps it
      this.#backdrop.remove();
    }
    return Boolean(found);
  }

  remove() {
    this.element.remove();
  }

  #paint() {
    const [across, down] = COLOURS;
    const small = element("canvas", { width: across, height: down }).getContext("2d");
    small.imageSmoothingQuality = "high";
    const part = across / this.#pictures.length;
    this.#pictures.forEach(({ image }, index) => small.drawImage(image, index * part, 0, part, down));
    [this.#backdrop.width, this.#backdrop.height] = SMOOTH;
    const context = this.#backdrop.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(small.canvas, 0, 0, ...SMOOTH);
  }
}
