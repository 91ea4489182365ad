// The page's words. Each language is one file, languages/<code>.json: key -> text with {placeholders}.

let words = {};

/** The code of the language that is spoken now, such as "en". */
export let language = "";

/** The text under `key` with its placeholders filled in; undefined if the language has none. */
export function textIfAny(key, values = {}) {
  return words[key]?.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** The text under `key` with its placeholders filled in. */
export function text(key, values) {
  return textIfAny(key, values) ?? key;
}

/** The paragraphs under `key`, each with its placeholders filled in. */
export function paragraphs(key, values = {}) {
  return words[key].map((paragraph) => paragraph.replace(/\{(\w+)\}/g, (_, name) => values[name]));
}

/** What of a title such as {"en": ..., "ko": ...} fits the language. */
export function titleIn(titles) {
  return titles[language] ?? titles.en ?? Object.values(titles)[0];
}

/** A time in words, such as "30 seconds": in tens of seconds, from 90 on in minutes, rounded up. */
export function about(seconds) {
  const [value, unit] = seconds > 90 ? [Math.ceil(seconds / 60), "minute"] : [10 * Math.ceil(seconds / 10), "second"];
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(value);
}

/** The words for a failure: by its code in the visitor's language, else as the booth said it. */
export function wordsFor({ code, message }) {
  return textIfAny(`error.${code}`) ?? (message || text("error.Unknown"));
}

/**
 * Speaks this language from now on: fills the page, then sends "spoken" to the document.
 * Without a connection the page may not have it; then it goes on in the language it speaks.
 */
export async function speak(code) {
  if (code === language) {
    return;
  }
  try {
    words = await (await fetch(`languages/${code}.json`)).json();
  } catch (error) {
    console.warn(`the language ${code} can't be loaded`, error.name);
    return;
  }
  language = code;
  document.documentElement.lang = code;
  fill(document);
  document.dispatchEvent(new Event("spoken"));
}

/** Fills every element under `root` that names its text (data-text), label (data-label) or image text (data-alt). */
export function fill(root) {
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

/** The visitor's own language if the booth speaks it, else the booth's first one. */
export function preferred(codes) {
  const own = navigator.languages.map((tag) => tag.split("-")[0]);
  return own.find((code) => codes.includes(code)) ?? codes[0];
}

/** A language's name in itself, such as "한국어". */
export function nameOf(code) {
  return new Intl.DisplayNames([code], { type: "language" }).of(code);
}
