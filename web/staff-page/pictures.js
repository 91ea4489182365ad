// A list of pictures that doesn't move under the finger. New ones come in when they are asked for, or when nothing else is
// left; one that the booth has no more keeps its place, without its picture, until the next step.

import { $ } from "../dom.js";
import { text } from "../text.js";

/** What a picture is known by; `picture`: as GET /staff/wall has it. */
export const keyOf = ({ visit, picture }) => `${visit}/${picture}`;

const buttonsOf = ({ element }) => [...element.querySelectorAll("button")];

export class Pictures {
  #name;
  #make;
  #entries = []; // {key, picture, element, isGone} in the order in which they are shown
  #latest = []; // as the booth has them, newest first
  #marked = "";

  /** `name`: of the list's elements, and of its texts; `make` gives a picture's element. */
  constructor(name, make) {
    this.#name = name;
    this.#make = make;
    $(`${name}-new`).onclick = () => this.letIn();
  }

  /** The picture that keys are for: the marked one, else the first; undefined if there is none. */
  get marked() {
    return (this.#live.find(({ key }) => key === this.#marked) ?? this.#live[0])?.picture;
  }

  get #live() {
    return this.#entries.filter(({ isGone }) => !isGone);
  }

  /** Takes what the booth has, newest first. */
  take(pictures) {
    this.#latest = pictures;
    const keys = new Set(pictures.map(keyOf));
    this.#live.filter(({ key }) => !keys.has(key)).forEach((entry) => this.#lose(entry, text("wall.gone")));
    this.show();
  }

  /** Shows the newest ones, too, and only those that are there. */
  letIn() {
    const known = new Map(this.#live.map((entry) => [entry.key, entry]));
    this.#entries = this.#latest.map((picture) => known.get(keyOf(picture)) ?? this.#entryOf(picture));
    this.#draw();
  }

  /** Takes one out at once. */
  remove(picture) {
    const at = this.#live.findIndex(({ key }) => key === keyOf(picture));
    const focused = at < 0 ? -1 : buttonsOf(this.#live[at]).indexOf(document.activeElement);
    this.#latest = this.#latest.filter((each) => keyOf(each) !== keyOf(picture));
    this.#entries = this.#live.filter((_, index) => index !== at);
    const next = this.#entries[Math.min(at, this.#entries.length - 1)];
    this.#marked = at < 0 ? this.#marked : next?.key ?? "";
    this.show();
    if (next && focused >= 0) {
      buttonsOf(next)[focused].focus({ preventScroll: true });
    }
  }

  /** Has one back: at the start, or, with what went wrong, at the end, where it moves nothing; isGone: for good. */
  putBack(picture, problem = "", isGone = false) {
    const entry = this.#entryOf(picture);
    this.#entries = this.#entries.filter(({ key }) => key !== entry.key);
    this.#entries[problem ? "push" : "unshift"](entry);
    if (!isGone) {
      this.#latest = [picture, ...this.#latest.filter((each) => keyOf(each) !== entry.key)];
      this.#marked = problem ? this.#marked : entry.key;
    }
    entry.element.querySelector(".problem").textContent = problem;
    if (isGone) {
      this.#lose(entry, problem);
    }
    this.#draw();
  }

  /** Marks the next picture, or the one before (-1), and moves to it. */
  step(by) {
    const at = this.#live.findIndex(({ picture }) => picture === this.marked);
    const next = this.#live[Math.min(Math.max(at + by, 0), this.#live.length - 1)];
    if (next) {
      this.#marked = next.key;
      this.#draw();
      next.element.scrollIntoView({ block: "nearest" });
    }
  }

  /** Forgets all. */
  clear() {
    this.#latest = [];
    this.#entries = [];
    this.#draw();
  }

  /** Makes the elements anew, in another language. */
  translate() {
    this.#entries = this.#entries.map((entry) => (entry.isGone ? entry : this.#entryOf(entry.picture)));
    this.show();
  }

  show() {
    if (this.#live.length || !this.#latest.length) {
      this.#draw();
    } else {
      this.letIn();
    }
  }

  #entryOf(picture) {
    return { key: keyOf(picture), picture, element: this.#make(picture), isGone: false };
  }

  #lose(entry, why) {
    entry.isGone = true;
    entry.element.classList.add("gone");
    entry.element.querySelector("img").removeAttribute("src"); // it may have been deleted
    entry.element.querySelector(".problem").textContent = why;
  }

  #draw() {
    const list = $(this.#name);
    const elements = this.#entries.map(({ element }) => element);
    if (elements.length !== list.children.length || elements.some((element, index) => element !== list.children[index])) {
      list.replaceChildren(...elements);
    }
    const { marked } = this;
    this.#entries.forEach(({ picture, element }) => element.classList.toggle("marked", picture === marked));
    const shown = new Set(this.#entries.map(({ key }) => key));
    const more = this.#latest.filter((picture) => !shown.has(keyOf(picture))).length;
    $(`${this.#name}-new`).hidden = !more;
    $(`${this.#name}-new`).textContent = text("wall.new", { count: more });
    $(`no-${this.#name}`).hidden = elements.length > 0 || more > 0;
  }
}
