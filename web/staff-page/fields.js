// The fields of the event's settings, each with its label, its elements, and its problem's place.

import { languageName, localized, text } from "../text.js";
import { element } from "../elements.js";
import { count } from "./numbers.js";
import { pictureOf } from "./picture.js";

const KNOWN_LANGUAGES = ["en", "ko"]; // that are shipped; the deployment may have more
const TITLE_CHARACTERS = 80;

/** A field: `element` to show, `value` to get and set, `label()` after the language has changed. */
class Field extends EventTarget {
  constructor(name, isGroup) {
    super();
    this.name = name;
    this.element = element(isGroup ? "fieldset" : "div", { class: "field", id: `field-${name}` });
    this.heading = element(isGroup ? "legend" : "label", {});
    this.hint = element("p", { class: "hint", id: `hint-${name}` });
    this.problem = element("p", { class: "problem", id: `problem-${name}` });
    this.problem.setAttribute("role", "alert");
    this.theirs = element("p", { class: "theirs", hidden: true });
    this.element.append(this.heading, this.hint);
    this.element.addEventListener("input", () => this.changed());
  }

  /** Ends the making: what stands below the controls, and how a screen reader finds it. */
  close(...controls) {
    this.element.append(this.problem, this.theirs);
    this.controls = controls;
    this.describe();
  }

  describe() {
    for (const control of this.controls) {
      control.setAttribute("aria-describedby", `hint-${this.name} problem-${this.name}`);
    }
  }

  changed() {
    this.fail("");
    this.dispatchEvent(new Event("changed"));
  }

  label() {
    this.heading.textContent = text(`field.${this.name}`);
    this.hint.textContent = text(`field.${this.name}.hint`, this.told());
  }

  told() {
    return {};
  }

  /** Shows what is wrong ("": nothing); `part`: of which of its parts, such as "ko" of "title.ko". Gives the control. */
  fail(sentence, part = "") {
    this.problem.textContent = sentence;
    for (const control of this.controls) {
      control.removeAttribute("aria-invalid");
    }
    const wrong = this.controls.find((each) => each.dataset.part === part) ?? this.controls[0];
    if (sentence) {
      wrong.setAttribute("aria-invalid", "true");
    }
    return wrong;
  }

  /** What somebody else has set meanwhile, in words, and a button that takes it; null takes that away. */
  showTheirs(value) {
    this.theirs.hidden = value === undefined;
    this.theirs.replaceChildren();
    if (value !== undefined) {
      const take = element("button", { type: "button" }, text("settings.take"));
      take.onclick = () => {
        this.value = value;
        this.showTheirs(undefined);
        this.changed();
        this.controls[0].focus();
      };
      this.theirs.append(`${text("settings.theirs", { what: this.words(value) })} `, take);
    }
  }

  words(value) {
    return String(value);
  }
}

class TitleField extends Field {
  #rest = {}; // titles in languages that nobody is asked for

  constructor() {
    super("title", true);
    this.inputs = KNOWN_LANGUAGES.map((code) => {
      const input = element("input", { lang: code, required: true, maxLength: TITLE_CHARACTERS, autocomplete: "off", id: `title-${code}` });
      input.dataset.part = code;
      this.element.append(element("label", { htmlFor: input.id, lang: code }, languageName(code)), input);
      return input;
    });
    this.close(...this.inputs);
  }

  get value() {
    const own = this.inputs.map((input) => [input.lang, input.value.trim()]);
    return { ...Object.fromEntries(own), ...this.#rest };
  }

  set value(titles) {
    this.#rest = Object.fromEntries(Object.entries(titles).filter(([code]) => !KNOWN_LANGUAGES.includes(code)));
    this.inputs.forEach((input) => { input.value = titles[input.lang] ?? ""; });
  }

  words(titles) {
    return Object.values(titles).join(" / ");
  }
}

class NumberField extends Field {
  constructor(name, least, most) {
    super(name, false);
    this.input = element("input", { type: "number", inputMode: "numeric", min: least, max: most ?? "", step: 1, id: `number-${name}` });
    this.input.required = name !== "photosPerDay";
    this.heading.htmlFor = this.input.id;
    this.element.append(this.input);
    this.close(this.input);
  }

  get value() {
    return this.input.value === "" ? null : Number(this.input.value);
  }

  set value(number) {
    this.input.value = number ?? "";
  }

  words(number) {
    return number === null ? text("settings.deployed") : count(number);
  }
}

/** Ticks, in the order in which they stand. */
class ListField extends Field {
  #boxes = [];
  wasRight = true;

  constructor(name) {
    super(name, true);
    this.list = element("div", { class: `ticks ${name}` });
    this.element.append(this.list);
    this.close();
  }

  /** `choices`: [value, the function that names it, address of its picture if it has one]. */
  offer(choices) {
    this.#boxes = choices.map(([value, title, picture]) => {
      const box = element("input", { type: "checkbox", value });
      const name = element("span", {});
      const parts = picture ? [element("img", { src: picture, alt: "", loading: "lazy" }), name] : [name];
      return { box, name, title, label: element("label", { class: "tick" }, box, ...parts) };
    });
    this.list.replaceChildren(...this.#boxes.map(({ label }) => label));
    this.controls = this.#boxes.map(({ box }) => box);
    this.describe();
    this.label();
  }

  get ticked() {
    return this.#boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
  }

  set ticked(values) {
    this.#boxes.forEach(({ box }) => { box.checked = values.includes(box.value); });
  }

  get offered() {
    return this.#boxes.map(({ box }) => box.value);
  }

  label() {
    super.label();
    this.#boxes?.forEach(({ name, title }) => { name.textContent = title(); });
  }

  words(values) {
    const named = this.#boxes.filter(({ box }) => values.includes(box.value)).map(({ title }) => title());
    return named.join(", ") || text("settings.all");
  }

  get missing() {
    return this.controls.length && !this.ticked.length ? text("settings.choose") : "";
  }
}

/** Without the catalogue it keeps what it was given. */
class ScenesField extends ListField {
  #given = [];

  constructor() {
    super("scenes");
  }

  get value() {
    const { ticked, offered } = this;
    const unknown = this.#given.filter((id) => !offered.includes(id));
    if (!offered.length) {
      return this.#given;
    }
    return ticked.length === offered.length ? [] : [...ticked, ...unknown]; // []: all, also those of a catalogue to come
  }

  set value(ids) {
    this.#given = ids;
    this.ticked = ids.length ? ids : this.offered;
  }

  useCatalogue(scenes) {
    this.offer(scenes.map(({ id, title, thumbnail }) => [id, () => localized(title), thumbnail]));
    this.value = this.#given;
  }
}

class LanguagesField extends ListField {
  constructor() {
    super("languages");
  }

  get value() {
    return this.ticked;
  }

  set value(codes) {
    const all = [...new Set([...codes, ...this.offered, ...KNOWN_LANGUAGES])];
    this.offer(all.map((code) => [code, () => languageName(code)]));
    this.ticked = codes;
  }
}

class PictureField extends Field {
  #value = "";
  #side;
  #mustShowThrough;

  constructor(name, side, mustShowThrough) {
    super(name, true);
    this.#side = side;
    this.#mustShowThrough = mustShowThrough;
    this.preview = element("div", { class: `preview of-${name}` });
    this.none = element("p", { class: "hint" });
    this.file = element("input", { type: "file", accept: "image/png,image/webp,image/svg+xml,image/jpeg", hidden: true });
    this.choose = element("button", { type: "button" });
    this.choose.onclick = () => this.file.click();
    this.remove = element("button", { type: "button" });
    this.remove.onclick = () => {
      this.value = "";
      this.changed();
      this.choose.focus();
    };
    this.file.onchange = () => this.#read();
    this.element.append(this.preview, this.none, element("div", { class: "actions" }, this.file, this.choose, this.remove));
    this.close(this.choose);
  }

  get value() {
    return this.#value;
  }

  set value(url) {
    this.#value = url;
    this.preview.replaceChildren(...(url ? [element("img", { src: url, alt: text(`field.${this.name}`) })] : []));
    this.preview.hidden = !url;
    this.none.hidden = Boolean(url);
    this.remove.hidden = !url;
  }

  label() {
    super.label();
    this.none.textContent = text("picture.none");
    this.choose.textContent = text(`picture.choose.${this.name}`);
    this.remove.textContent = text("picture.remove");
  }

  words(url) {
    return text(url ? "picture.another" : "picture.none");
  }

  async #read() {
    const [file] = this.file.files;
    this.file.value = ""; // so that the same one may be chosen again
    if (!file) {
      return;
    }
    try {
      this.value = await pictureOf(file, { side: this.#side, mustShowThrough: this.#mustShowThrough });
      this.changed();
    } catch ({ message }) {
      this.fail(text(`picture.${message}`));
    }
  }
}

/** All fields, in the order in which they are shown. */
export function makeFields() {
  return [
    new TitleField(),
    new ScenesField(),
    new NumberField("mostScenes", 1, 5),
    new LanguagesField(),
    new PictureField("frame", 1600, true),
    new PictureField("logo", 640, false),
    new NumberField("photosPerDay", 1),
    new NumberField("again", 0, 10),
    new NumberField("copies", 0, 20),
  ];
}
