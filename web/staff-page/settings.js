// The form of the event's settings. What somebody else changes meanwhile is taken over where nobody has touched the field
// here; where both have, theirs is shown beside, and what was typed here stays.

import { listScenes } from "../api.js";
import { $ } from "../dom.js";
import { text } from "../text.js";
import { isSame } from "./event.js";
import { makeFields } from "./fields.js";

export class SettingsForm {
  #event;
  #onError;
  #fields = makeFields();
  #base = null; // what was in force when the form was filled, by field
  #version = -1; // of the settings that #base is from

  /** `event`: the EventSettings; `onError` gives the sentence for a StaffError. */
  constructor(event, { onError }) {
    this.#event = event;
    this.#onError = onError;
    $("fields").append(...this.#fields.map((field) => field.element));
    for (const field of this.#fields) {
      field.addEventListener("changed", () => this.#showState());
    }
    event.addEventListener("changed", () => this.#merge());
    $("event-form").noValidate = true; // the problems stand at their fields, in the page's language
    $("event-form").onsubmit = (submitted) => {
      submitted.preventDefault();
      this.#save();
    };
    $("undo-event").onclick = () => this.#fill();
    this.label();
  }

  /** Loads the scenes, however long that takes. */
  async loadScenes() {
    const { scenes } = await listScenes({ signal: new AbortController().signal });
    const field = this.#fields.find(({ name }) => name === "scenes");
    const { value } = field;
    field.useCatalogue(scenes);
    field.value = value;
    this.#showState();
  }

  label() {
    this.#fields.forEach((field) => field.label());
    this.#showState();
  }

  get #isTouched() {
    return this.#base !== null && this.#fields.some((field) => !isSame(field.value, this.#base[field.name]));
  }

  /** Fills the form with what is in force. */
  #fill() {
    const { values } = this.#event;
    for (const field of this.#fields) {
      field.value = values[field.name];
      field.fail("");
      field.showTheirs(undefined);
    }
    this.#base = this.#now();
    this.#version = this.#event.version;
    $("meanwhile").textContent = "";
    $("save-problem").textContent = "";
    this.#showState();
  }

  /** The fields' values: as the form gives them, which is how they are compared. */
  #now() {
    return Object.fromEntries(this.#fields.map(({ name, value }) => [name, value]));
  }

  #merge() {
    if (!this.#isTouched) {
      this.#fill();
    } else if (this.#event.version !== this.#version) {
      const { values } = this.#event;
      const isBoth = this.#fields.map((field) => this.#mergeField(field, values[field.name])).some(Boolean);
      this.#version = this.#event.version;
      $("meanwhile").textContent = isBoth ? text("settings.meanwhile") : "";
      this.#showState();
    }
  }

  /** Whether this field has been changed both here and elsewhere. */
  #mergeField(field, theirs) {
    const before = this.#base[field.name];
    const own = field.value;
    field.value = theirs;
    const now = field.value; // theirs, as the form gives it
    this.#base[field.name] = now;
    if (isSame(own, before) || isSame(own, now)) {
      return false;
    }
    field.value = own;
    if (isSame(before, now)) {
      return false;
    }
    field.showTheirs(theirs);
    return true;
  }

  async #save() {
    const wrong = this.#firstWrong();
    if (wrong) {
      wrong.focus();
      return;
    }
    $("save-event").disabled = true;
    $("save-problem").textContent = "";
    $("saved").textContent = text("settings.saving");
    const before = this.#base;
    const sent = this.#now();
    try {
      this.#base = sent; // so that the answer fills nothing that is typed meanwhile
      await this.#event.save(sent);
      $("meanwhile").textContent = "";
      this.#fields.forEach((field) => field.showTheirs(undefined));
      this.#showState("settings.saved");
    } catch (error) {
      this.#base = before; // what was typed is still to be saved
      if (error.code === "Conflict") {
        await this.#event.read().catch(() => {});
      }
      this.#showState();
      this.#fail(error);
    } finally {
      $("save-event").disabled = false;
    }
  }

  /** The first control whose value can't be saved, its problem told; undefined without one. */
  #firstWrong() {
    let first;
    for (const field of this.#fields) {
      const invalid = field.controls.find((control) => !control.checkValidity());
      const sentence = invalid ? sentenceOf(invalid) : field.missing ?? "";
      const control = field.fail(sentence, invalid?.dataset.part);
      first ??= sentence ? control : undefined;
    }
    return first;
  }

  #fail(error) {
    const [name, part] = error.field.split(".");
    const field = this.#fields.find((each) => each.name === name);
    if (error.code === "Conflict") {
      $("save-problem").textContent = text("settings.conflict");
    } else if (field) {
      field.fail(error.message, part).focus();
      $("save-problem").textContent = text("settings.wrong");
    } else {
      $("save-problem").textContent = this.#onError(error);
    }
  }

  #showState(key = "") {
    const isTouched = this.#isTouched;
    $("undo-event").hidden = !isTouched;
    $("saved").textContent = text(key || (isTouched ? "settings.touched" : "settings.untouched"));
    $("save-bar").classList.toggle("touched", isTouched);
  }
}

/** What is wrong with this control's value, in the page's language. */
function sentenceOf({ validity, min, max }) {
  if (validity.valueMissing) {
    return text("settings.missing");
  }
  return max ? text("settings.range", { least: min, most: max }) : text("settings.least", { least: min });
}
