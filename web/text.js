// The page's texts. Each language is one file, languages/<code>.json: key -> text with {placeholders}.

import { within } from "./clock.js";

const ANSWER_MS = 10_000;
const loaded = {}; // by language: its texts
let folder = "languages";
let messages = {}; // of the current language

/** The code of the current language, such as "en"; "" before the first one has been loaded. */
export let language = "";

/** The text under `key`, its placeholders filled in; undefined without such a text. */
export function textIfAny(key, values = {}) {
  return messages[key]?.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** As textIfAny, or the key itself. */
export function text(key, values) {
  return textIfAny(key, values) ?? key;
}

/** The paragraphs under `key`, their placeholders filled in. */
export function paragraphs(key, values = {}) {
  return messages[key].map((paragraph) => paragraph.replace(/\{(\w+)\}/g, (_, name) => values[name]));
}

/** Of a title such as {"en": ..., "ko": ...} the one in the current language, else in English, else the first. */
export function localized(titles) {
  return titles[language] ?? titles.en ?? Object.values(titles)[0];
}

/** A duration such as "30 seconds": in tens of seconds, rounded up, above 150 in minutes. */
export function formatDuration(seconds) {
  const [value, unit] = seconds > 150 ? [Math.round(seconds / 60), "minute"] : [10 * Math.ceil(seconds / 10), "second"];
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(value);
}

/** Why the booth is paused, and until when ({reason, until}: texts by language; seconds since 1970, 0 for "not known"). */
export function pauseText({ reason, until }) {
  const at = new Date(until * 1000);
  const isToday = at.toDateString() === new Date().toDateString();
  const time = at.toLocaleString(language, { ...(isToday ? {} : { dateStyle: "medium" }), timeStyle: "short" });
  return `${localized(reason)} ${until ? text("paused.until", { time }) : text("paused.later")}`;
}

/** The text for a failure, by its code: the API's own message is in English, and often for programmers. */
export function errorText({ code }) {
  return textIfAny(`error.${code}`) ?? text("error.Unknown");
}

/** The staff's page has texts of its own: in this folder. */
export function textsFrom(path) {
  folder = path;
}

/** Loads this language and translates the page ("translated"); false if it can't be loaded. Never rejects. */
export async function setLanguage(code) {
  if (code === language) {
    return true;
  }
  try {
    loaded[code] ??= await within(ANSWER_MS, load(code));
    messages = loaded[code];
  } catch (error) {
    console.warn(`the language ${code} can't be loaded`, error.name);
    return false;
  }
  language = code;
  document.documentElement.lang = code;
  translate(document);
  document.dispatchEvent(new Event("translated"));
  return true;
}

async function load(code) {
  const response = await fetch(`${folder}/${code}.json`);
  if (!response.ok) {
    throw new Error();
  }
  return response.json();
}

/** Fills what names its text (data-text), label (data-label) or image text (data-alt). */
export function translate(root) {
  for (const element of root.querySelectorAll("[data-text]")) {
    element.textContent = text(element.dataset.text);
  }
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", text(element.dataset.label));
  }
  for (const element of root.querySelectorAll("[data-alt]")) {
    element.alt = text(element.dataset.alt);
  }
}

/** The first of the device's languages that is offered, else the first that is offered. */
export function preferredLanguage(codes) {
  const own = navigator.languages.map((tag) => tag.split("-")[0]);
  return own.find((code) => codes.includes(code)) ?? codes[0];
}

/** A language's name in itself, such as "한국어". */
export function languageName(code) {
  return new Intl.DisplayNames([code], { type: "language" }).of(code);
}
