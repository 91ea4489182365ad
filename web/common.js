// What the booth's page and the privacy page share.

import { $ } from "./dom.js";
import { store, stored } from "./storage.js";
import { language, languageName, localized, paragraphs, preferredLanguage, setLanguage, text } from "./text.js";

const LANGUAGE = "language"; // in sessionStorage: a reload goes on in the visitor's language

/** Shows a button for each language, and the event's title, in the page's head. */
export function showLanguages(settings) {
  let shown = "";
  const show = () => {
    const { languages, title } = settings;
    if (shown !== `${languages}`) { // else a button would lose the focus
      shown = `${languages}`;
      $("languages").replaceChildren(...languages.map(buttonOf));
      $("languages").hidden = languages.length < 2;
    }
    for (const button of $("languages").children) {
      button.setAttribute("aria-pressed", button.lang === language);
    }
    document.title = $("event").textContent = localized(title);
  };
  document.addEventListener("translated", show);
  show();
}

function buttonOf(code) {
  const button = document.createElement("button");
  button.type = "button";
  button.lang = code;
  button.textContent = languageName(code);
  button.onclick = () => {
    store("sessionStorage", LANGUAGE, code);
    setLanguage(code);
  };
  return button;
}

/** Sets the language that sessionStorage names, else the device's own; if it can't be loaded, another one. */
export async function restoreLanguage({ languages }) {
  const chosen = stored("sessionStorage", LANGUAGE);
  const first = languages.includes(chosen) ? chosen : preferredLanguage(languages);
  for (const code of [first, ...languages, "en"]) {
    if (await setLanguage(code)) {
      return;
    }
  }
}

/** Sets the device's own language, for the next visitor. */
export function resetLanguage(settings) {
  store("sessionStorage", LANGUAGE, null);
  return restoreLanguage(settings);
}

export function showPrivacy({ privacy: { retentionDays: days, contact } }) {
  const lines = paragraphs("privacy.text", { days });
  if (contact) {
    lines.push(text("privacy.contact", { contact }));
  }
  $("privacy-text").replaceChildren(...lines.map((line) => {
    const paragraph = document.createElement("p");
    paragraph.textContent = line;
    return paragraph;
  }));
}
