// event.json: what the staff has changed since the deployment. A pad takes it up at the start screen: within a minute, and
// not during a visit. What is wrong there is as deployed.

import { after } from "./clock.js";
import { FIELDS, isCode, isName, isObject, isText, isWhole, readEvent } from "./settings.js";

const LOOK_MS = 30_000; // between two looks
const LONGEST = 120; // characters of a line
const LONGEST_PICTURE = 300_000; // characters of one that stands in event.json itself
const MOST_LANGUAGES = 20;
const MOST = 10 ** 9;
const FILE = /^\/?[\w-][\w./-]{0,199}$/;
const DATA = /^data:image\/(png|webp);base64,[A-Za-z0-9+/]+={0,2}$/;
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

const isLine = (value) => isName(value) && [...value].length <= LONGEST && !CONTROL.test(value);
const isLines = (value) => isObject(value) && Object.keys(value).length > 0 && Object.keys(value).length <= MOST_LANGUAGES
  && Object.keys(value).every(isCode) && Object.values(value).every(isLine);
const isPause = (value) => value === null || isObject(value) && Object.keys(value).sort().join() === "reason,until"
  && isWhole(0, 2 ** 40)(value.until) && isLines(value.reason) && "en" in value.reason;
const isFile = (value) => FILE.test(value) && !value.includes("..") && !value.includes("//");
const isPicture = (value) => value === "" || isText(value) && (
  isFile(value) || value.length <= LONGEST_PICTURE && DATA.test(value)
);

const RULES = { // functions/booth/event.py has the same ones
  version: isWhole(0, MOST),
  paused: isPause,
  title: isLines,
  frame: isPicture,
  logo: isPicture,
  photosPerDay: isWhole(1, MOST), // the back end's
};
for (const name of ["languages", "scenes", "mostScenes", "again", "copies"]) {
  [, RULES[name]] = FIELDS[name];
}

let known; // {deployed, text}: as withEvent was last called

/** What is deployed ({settings, problems}), with what is right in the text of event.json in its place. */
export function withEvent(deployed, text) {
  known = { deployed, text };
  const settings = { ...deployed.settings };
  let event = null;
  try {
    event = JSON.parse(text);
  } catch { /* the staff is told below */ }
  const fields = isObject(event) ? Object.entries(event) : [["{}", event]];
  const isRight = ([name, value]) => Object.hasOwn(RULES, name) && RULES[name](value);
  for (const [name, value] of fields.filter(isRight)) {
    settings[name === "scenes" ? "offered" : name] = value;
  }
  const wrong = fields.filter((field) => !isRight(field)).map(([name]) => `event.json: ${name}`);
  return { settings, problems: [...deployed.problems, ...wrong] };
}

/**
 * Keeps `settings` as event.json says while the start is seen; `deployed`: what loadSettings gave, if the page has had no
 * event.json so far. `onChange` is called with the problems after each change.
 */
export function followEvent(settings, deployed, onChange) {
  known ??= { deployed: { ...deployed, settings: { ...settings } }, text: "{}" };
  let looked = -Infinity;
  let end = () => {};

  async function look() {
    end();
    if (document.body.dataset.screen !== "start" || document.hidden) {
      return;
    }
    const stop = new AbortController();
    const wait = looked + LOOK_MS - performance.now();
    const cancel = after(wait > 0 ? wait : LOOK_MS, look);
    end = () => {
      cancel();
      stop.abort();
    };
    if (wait > 0) {
      return;
    }
    const text = await readEvent(stop.signal).catch(() => undefined);
    if (stop.signal.aborted) {
      return;
    }
    looked = performance.now();
    if (text !== undefined && text !== known.text) {
      const { settings: changed, problems } = withEvent(known.deployed, text);
      Object.assign(settings, changed);
      onChange(problems);
    }
  }

  document.addEventListener("shown", look);
  document.addEventListener("visibilitychange", look);
  look();
}
