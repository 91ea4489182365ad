// Printing: sheets of 4 x 6 inches, or two strips of 2 x 6 on one, to be cut, with the event's title and logo, the date
// and the code of the visit. What is shown before is what is printed: both are the same elements, in other units.
// Loaded when it is first wanted.

import { after, within } from "./clock.js";
import { $, onTap } from "./dom.js";
import { element } from "./elements.js";
import { language, localized, text } from "./text.js";

const LOAD_MS = 10_000;
const SHEET_MS = 180_000; // that the sheets stay for a printing dialog, which tells of no touch
const CODE_SCALE = 8; // pixels for each of the code's modules: 40 modules on 0.8 inches are 400 dots an inch
const STRIPS = 2; // beside each other on a sheet
const ALONE = 3; // times a picture is on a strip that has no other
const ROOM = { // inches for the pictures, beside or above what else is on the sheet; print.css has the same
  wide: { width: 4.5, height: 3.7, page: "6in 4in" },
  tall: { width: 3.7, height: 4.6, page: "4in 6in" },
};

export class Printer {
  #session;
  #styles; // settles when print.css is there
  #visit; // its requestId
  #printed = 0; // sheets of it
  #code; // of the visit, as an image's address
  #aspect = 1;
  #urls = [];
  #cancelClearing = () => {};

  constructor(session) {
    this.#session = session;
    const dialog = document.createElement("dialog");
    dialog.id = "printing";
    dialog.setAttribute("aria-labelledby", "printing-title");
    dialog.innerHTML = `<h2 id="printing-title" tabindex="-1" autofocus></h2><div id="kinds" role="group"
      aria-labelledby="printing-title"></div><div id="pages" aria-hidden="true"></div><p id="sheets-left" class="note"
      role="status"></p><div class="actions"><button id="print-now" type="button" class="primary"></button><button
      id="close-printing" type="button"></button></div>`;
    document.body.append(dialog);
    onTap($("print-now"), () => this.#print());
    $("close-printing").onclick = () => dialog.close();
    this.#styles = new Promise((resolve, reject) => {
      const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: "print.css" });
      link.onload = () => resolve(link.sheet);
      link.onerror = reject;
      document.head.append(link);
    });
  }

  /**
   * Shows how `files` of a visit (its requestId) are printed. `code`: a QR code (lean-qr) of its link. Throws if the
   * layout or a picture can't be loaded.
   */
  async open(files, visit, code) {
    await within(LOAD_MS, this.#styles);
    this.#printed = visit === this.#visit ? this.#printed : 0;
    this.#visit = visit;
    this.#code = code.toDataURL({ scale: CODE_SCALE, on: [0, 0, 0, 255], off: [255, 255, 255, 255] });
    this.clear();
    this.#urls = files.map((file) => URL.createObjectURL(file));
    const first = Object.assign(new Image(), { src: this.#urls[0] });
    await within(LOAD_MS, first.decode());
    this.#aspect = first.naturalWidth / first.naturalHeight;
    $("printing-title").textContent = text("print");
    $("print-now").textContent = text("print");
    $("close-printing").textContent = text("close");
    const kinds = files.length > 1 ? ["all", "each", "strips"] : ["each", "strips"];
    $("kinds").replaceChildren(...kinds.map((kind) => this.#choice(kind)));
    this.#choose(kinds[0]);
    $("printing").showModal();
  }

  /** The visitor has gone on; isIdle: what a printer may still fetch stays. */
  close({ isIdle }) {
    $("printing").close();
    this.#visit = "";
    if (!isIdle) {
      this.clear();
    }
  }

  /** Not after "afterprint": on iOS that comes before the sheets are printed. */
  clear() {
    this.#cancelClearing();
    this.#urls.forEach((url) => URL.revokeObjectURL(url));
    this.#urls = [];
    $("sheet").replaceChildren();
    $("pages").replaceChildren();
  }

  get #left() {
    return Math.max(0, this.#session.settings.copies - this.#printed);
  }

  #choice(kind) {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "kind", value: kind });
    input.onchange = () => this.#choose(kind);
    label.append(input, text(`print.${kind}`));
    return label;
  }

  #choose(kind) {
    $("kinds").querySelector(`[value=${kind}]`).checked = true;
    const pages = this.#pages(kind);
    $("pages").replaceChildren(...pages);
    $("sheets-left").textContent = text("print.left", { count: this.#left });
    $("print-now").disabled = pages.length > this.#left;
  }

  /** The sheets of a kind, as elements. */
  #pages(kind) {
    if (kind === "strips") {
      const urls = this.#urls.length > 1 ? this.#urls : Array(ALONE).fill(this.#urls[0]);
      const strips = Array.from({ length: STRIPS }, () => this.#side("strip", urls, 1));
      return [element("div", { class: "page tall" }, ...strips)];
    }
    const groups = kind === "all" ? [this.#urls] : this.#urls.map((url) => [url]);
    return groups.map((urls) => {
      const { name, columns } = fit(urls.length, this.#aspect);
      return element("div", { class: `page ${name}` }, this.#side("whole", urls, columns));
    });
  }

  /** Pictures, and what stands beside or below them. */
  #side(name, urls, columns) {
    const { title, logo } = this.#session.settings;
    const pictures = element("div", { class: "pictures" }, ...urls.map(image));
    pictures.style.setProperty("--columns", columns);
    pictures.style.setProperty("--rows", Math.ceil(urls.length / columns));
    const date = new Date().toLocaleDateString(language, { dateStyle: "long" });
    const words = [localized(title), date, text("print.made")].map((line) => element("p", {}, line));
    const logos = logo ? [image(logo)] : [];
    const below = element("div", { class: "words" }, ...logos, ...words);
    return element("div", { class: name }, pictures, element("div", { class: "beside" }, below, image(this.#code)));
  }

  async #print() {
    const pages = [...$("pages").children];
    this.#printed += pages.length;
    const { page } = ROOM[pages[0].classList.contains("wide") ? "wide" : "tall"];
    const sheet = await this.#styles;
    sheet.deleteRule(0); // the size of the paper, which no element's style can say
    sheet.insertRule(`@page { margin: 0; size: ${page}; }`, 0);
    $("sheet").replaceChildren(...pages);
    this.#cancelClearing = after(SHEET_MS, () => this.clear());
    await within(LOAD_MS, Promise.all([...$("sheet").querySelectorAll("img")].map((each) => each.decode()))).catch(() => {});
    $("printing").close();
    if (pages[0].isConnected) { // else the visitor has gone on
      window.print();
    }
  }
}

/** How so many pictures of an aspect are largest on a sheet: {name: of ROOM, columns}. */
function fit(count, aspect) {
  const ways = Object.entries(ROOM).flatMap(([name, { width, height }]) => (
    Array.from({ length: count }, (_, index) => {
      const columns = index + 1;
      const wide = Math.min(width / columns, height / Math.ceil(count / columns) * aspect);
      return { name, columns, wide };
    })
  ));
  return ways.reduce((best, way) => (way.wide > best.wide ? way : best));
}

function image(src) {
  return element("img", { src, alt: "" });
}
