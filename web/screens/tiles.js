// The tiles of a visit: the visitor's photo and each new picture, as large as they can be side by side.

import { $, rem } from "../dom.js";
import { canShare, fetchPicture, save, share } from "../pictures.js";
import { errorText, text, translate } from "../text.js";

const GAP = 12; // pixels between tiles, as in the style sheet
const CAPTION = 2; // rem below each tile, as in the style sheet
const BUTTONS = 3; // rem below that on a phone
const BAR = 96; // pixels that stay on a phone
const PHONE = matchMedia("(max-width: 30rem), (max-height: 30rem)"); // as in the style sheet

// A tile: its `element`; `scene`, the picture's, null for the visitor's photo; `url` of the booth's file, "" until it is
// known; that `file`, null until it has come; `hasLoadError`: it could not be fetched, so far.

export class Tiles {
  #session;
  #onLoad;
  #onEnlarge;
  #list = []; // of Tile: the visitor's photo, then the pictures
  #aspect = 4 / 3;
  /** Rem below each picture for what else is said there. */
  room = 0;

  constructor(session, { onLoad, onEnlarge }) {
    this.#session = session;
    this.#onLoad = onLoad;
    this.#onEnlarge = onEnlarge;
    new ResizeObserver(() => this.layOut()).observe($("tiles"));
  }

  /** The tiles of the pictures that have come. */
  get pictures() {
    return this.#list.slice(1).filter(({ file }) => file);
  }

  /** A blob URL of the booth's copy of the photo, which is as large as the pictures; "" without it. */
  get photoUrl() {
    const [{ element, file }] = this.#list;
    return file ? element.querySelector(".placeholder").src : "";
  }

  /** Width / height. */
  get aspect() {
    return this.#aspect;
  }

  /** Shows how a visit stands; pictures that are finished are fetched. */
  show({ record, state: { phase, answer } }) {
    if (!this.#list.length) {
      this.#add({ scene: null });
      if (record.blob) {
        this.#showPhoto(record.blob);
      }
    }
    const [photo] = this.#list;
    photo.element.querySelector(".caption").textContent = text("tile.photo");
    photo.element.querySelector(".placeholder").alt = text("tile.photo");
    if (answer?.url_original && !photo.url) {
      photo.url = answer.url_original;
      fetchPicture(answer.url_original, "photo.jpg", {}).then(this.#showPhotoFile(this.#list), () => {});
    }
    if (phase === "failed") { // its reason stands above; there is no picture, and no copy but this device's
      this.#list.splice(photo.url || record.blob ? 1 : 0).forEach(({ element }) => element.remove());
      return;
    }
    const pictures = answer?.pictures ?? record.scenes?.map((scene) => ({ scene, state: "WAITING" })) ?? [];
    pictures.forEach((picture, index) => {
      this.#showPicture(this.#list[index + 1] ?? this.#add(picture), picture, index + 1);
    });
  }

  clear() {
    for (const { element } of this.#list) {
      element.querySelectorAll("img").forEach(({ src }) => URL.revokeObjectURL(src));
    }
    this.#list = [];
    this.room = 0;
    $("tiles").replaceChildren();
  }

  /** Makes the tiles as large as they can be side by side without scrolling; phones scroll. */
  layOut() {
    const list = $("tiles");
    const { clientWidth: width, clientHeight: height } = list;
    const { length } = this.#list;
    const aspect = this.#aspect;
    if (!width || !length) {
      return;
    }
    const below = rem() * (CAPTION + this.room + (this.#session.isPhone ? BUTTONS : 0));
    const widest = (count) => (width - GAP * (count - 1)) / count;
    let columns = 1;
    let size = 0;
    if (PHONE.matches) {
      columns = Math.min(length, (innerWidth > innerHeight ? 2 : 1) + (aspect < 1));
      size = Math.min(widest(columns), (innerHeight - BAR - below) * aspect);
    }
    for (let count = 1; count <= length && !PHONE.matches; count += 1) {
      const rows = Math.ceil(length / count);
      const fitting = Math.min(widest(count), ((height - GAP * (rows - 1)) / rows - below) * aspect);
      if (fitting > size) {
        size = fitting;
        columns = count;
      }
    }
    list.style.setProperty("--columns", columns);
    list.style.setProperty("--size", `${Math.floor(size)}px`);
    list.style.setProperty("--aspect", aspect);
  }

  #add({ scene }) {
    $("tiles").append($("tile").content.cloneNode(true));
    const tile = { element: $("tiles").lastElementChild, scene, url: "", file: null, hasLoadError: false };
    translate(tile.element);
    tile.element.classList.toggle("photo", scene === null);
    const [placeholder] = tile.element.getElementsByClassName("placeholder");
    placeholder.onerror = () => { placeholder.hidden = true; };
    this.#list.push(tile);
    return tile;
  }

  #showPhoto(blob) {
    const [placeholder] = this.#list[0].element.getElementsByClassName("placeholder");
    URL.revokeObjectURL(placeholder.src);
    placeholder.src = URL.createObjectURL(blob);
    placeholder.hidden = false;
    placeholder.onload = () => {
      this.#aspect = placeholder.naturalWidth / placeholder.naturalHeight;
      this.layOut();
    };
  }

  /** What to do with the booth's copy of the photo: it is upright and of the pictures' size. */
  #showPhotoFile(ofList) {
    return (file) => {
      if (ofList === this.#list) { // still the same visit
        this.#list[0].file = file;
        this.#showPhoto(file);
      }
    };
  }

  #showPicture(tile, { scene, state, url, error }, number) {
    const title = this.#session.titleOf(scene);
    const { element } = tile;
    const placeholder = element.querySelector(".placeholder");
    const thumbnail = this.#session.scene(scene)?.thumbnail;
    if (thumbnail && !placeholder.src && !tile.file) {
      placeholder.src = thumbnail;
    }
    element.querySelector(".caption").textContent = title;
    element.querySelector(".enlarge").setAttribute("aria-label", text("tile.enlarge", { scene: title }));
    element.querySelector(".enlarge img").alt = "";
    placeholder.alt = state === "DONE" ? "" : text("tile.waiting", { scene: title });
    element.classList.toggle("failed", state === "FAILED");
    if (!tile.hasLoadError) {
      element.querySelector(".note").textContent = error ? errorText(error) : "";
    }
    if (state === "DONE" && url && !tile.url) {
      tile.url = url;
      this.#load(tile, `photo-booth-${number}-${scene}.jpg`);
    }
  }

  async #load(tile, name) {
    const { element, url } = tile;
    const ofList = this.#list;
    const reload = element.querySelector(".reload");
    reload.hidden = true;
    tile.hasLoadError = false;
    try {
      tile.file = await fetchPicture(url, name, this.#session.settings);
    } catch {
      tile.hasLoadError = true;
      element.querySelector(".note").textContent = text("tile.weak");
      reload.hidden = false;
      reload.onclick = () => this.#load(tile, name);
      return;
    }
    if (ofList !== this.#list) { // the visitor has gone on
      return;
    }
    element.querySelector(".note").textContent = "";
    const button = element.querySelector(".enlarge");
    const image = button.querySelector("img");
    image.onload = () => {
      this.#aspect = image.naturalWidth / image.naturalHeight;
      button.hidden = false;
      element.classList.add("loaded");
      this.#onLoad();
    };
    image.src = URL.createObjectURL(tile.file);
    button.onclick = () => this.#onEnlarge(tile);
    this.#showWays(tile);
  }

  /** The phone's buttons below a picture. */
  #showWays({ element, file }) {
    const { isPhone } = this.#session;
    const [ofShare, ofSave] = element.querySelectorAll(".below button");
    ofShare.hidden = !isPhone || !canShare([file]);
    ofSave.hidden = !isPhone;
    ofShare.onclick = () => share([file]);
    ofSave.onclick = () => save([file], isPhone);
  }
}
