// What the booth's page and the privacy page share.

import { $ } from "./dom.js";
import { language, nameOf, paragraphs, preferred, speak, text, titleIn } from "./text.js";

const LANGUAGE = "language"; // in the session's storage: a reload goes on in the visitor's language

/** A button for each language, and the event's title, in the page's head. */
export function offerLanguages({ languages, title }) {
  const buttons = languages.map((code) => {
    const button = document.createElement("button");
    button.type = "button";
    button.lang = code;
    button.textContent = nameOf(code);
    button.onclick = () => {
      sessionStorage.setItem(LANGUAGE, code);
      speak(code);
    };
    return button;
  });
  $("languages").replaceChildren(...buttons);
  $("languages").hidden = languages.length < 2;
  document.addEventListener("spoken", () => {
    buttons.forEach((button) => button.setAttribute("aria-pressed", button.lang === language));
    $("event").textContent = titleIn(title);
    document.title = titleIn(title);
  });
}

/** Speaks the language chosen in this session, else the device's own. */
export function startSpeaking({ languages }) {
  const chosen = sessionStorage.getItem(LANGUAGE);
  return speak(languages.includes(chosen) ? chosen : preferred(languages));
}

/** Back to the device's own language, for the next visitor. */
export function forgetLanguage(settings) {
  sessionStorage.removeItem(LANGUAGE);
  return startSpeaking(settings);
}

/** Fills #privacy-text. */
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
