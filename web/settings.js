// settings.json: what the operator has set for the event; event.json: what the staff has changed since. What is wrong or
// missing in the first has its default, in the second what is deployed.

import { within } from "./clock.js";

const ANSWER_MS = 5000; // may a file take until the page goes on without it
const NOTHING = "{}"; // has been changed
export const isText = (value) => typeof value === "string";
export const isName = (value) => isText(value) && value.trim() !== "";
export const isWhole = (least, most) => (value) => Number.isInteger(value) && value >= least && value <= most;
const isListOf = (isRight) => (value) => (
  Array.isArray(value) && value.every(isRight) && new Set(value).size === value.length
);
const isSwitch = (value) => typeof value === "boolean";
const isOneOf = (...values) => (value) => values.includes(value);
export const isObject = (value) => value instanceof Object && !Array.isArray(value);
export const isCode = (value) => /^[a-z]{2,3}(-[A-Z]{2})?$/.test(value);

export const FIELDS = { // default, and whether a value is right; functions/booth/event.py has the same rules
  title: [{ en: "Photo Booth", ko: "포토 부스" }, (value) => (
    isObject(value) && Object.keys(value).length > 0 && Object.values(value).every(isName)
  )],
  languages: [["en", "ko"], (value) => isListOf(isCode)(value) && value.length > 0],
  scenes: [[], isListOf(isName)],
  mostScenes: [3, isWhole(1, 5)],
  countdownSeconds: [3, isWhole(0, 60)],
  cameraAt: ["top", isOneOf("top", "right", "bottom", "left")],
  sound: [true, isSwitch],
  file: [true, isSwitch],
  save: [true, isSwitch],
  print: [true, isSwitch],
  autoUseSeconds: [15, isWhole(0, 3600)],
  idleSeconds: [60, isWhole(5, 3600)],
  frame: ["", isText],
  logo: ["", isText],
  wall: [false, isSwitch],
  wallCode: [false, isSwitch],
  keep: ["head", isOneOf("", "face", "head", "person")],
  keepChoice: [true, isSwitch],
  "privacy.version": ["2026-11-29", (value) => isName(value) && value.length <= 64],
  "privacy.retentionDays": [7, isWhole(1, 90)],
  "privacy.contact": ["", isText],
  again: [2, isWhole(0, 10)],
  copies: [3, isWhole(0, 20)],
};

/**
 * {settings, problems}: complete and usable whatever stands in the files, and what is wrong with them, for the staff.
 * Beside the fields of settings.json there are `offered`, ids of the scenes that event.json offers ([]: all), and `paused`
 * ({until, reason}, or null).
 */
export async function loadSettings() {
  const found = loadDeployed(); // at the same time
  const news = await readEvent().catch(() => NOTHING);
  const deployed = await found;
  Object.assign(deployed.settings, { offered: [], paused: null });
  const change = news === NOTHING ? null : await import("./event.js").catch(() => null);
  return change?.withEvent(deployed, news) ?? deployed;
}

async function loadDeployed() {
  try {
    const response = await within(ANSWER_MS, fetch("settings.json"));
    if (!response.ok) {
      throw new Error(`HTTP ${response.status}`);
    }
    return checked(await within(ANSWER_MS, response.json()));
  } catch (error) { // no JSON, or no file
    return { ...checked({}), problems: [error.message] };
  }
}

/** The text of event.json; NOTHING where there is none. Throws without an answer of the booth. */
export async function readEvent(signal) {
  const response = await within(ANSWER_MS, fetch("event.json", { cache: "no-cache", signal }));
  const isHtml = response.headers.get("Content-Type")?.includes("html"); // a captive portal's page
  if (isHtml || !response.ok && response.status !== 404) {
    throw new Error(`HTTP ${response.status}`);
  }
  return response.ok ? within(ANSWER_MS, response.text()) : NOTHING;
}

/** Settings with defaults in place of what is wrong or missing, and the names of such fields (problems). */
export function checked(found) {
  if (!isObject(found)) {
    return { ...checked({}), problems: ["{}"] };
  }
  const problems = [];
  const given = {};
  for (const [name, value] of Object.entries(found)) {
    if (name === "privacy" && isObject(value)) {
      Object.entries(value).forEach(([inner, each]) => { given[`privacy.${inner}`] = each; });
    } else {
      given[name] = value;
    }
  }
  const settings = { privacy: {} };
  for (const [name, [usual]] of Object.entries(FIELDS)) {
    const [inner, key] = name.split(".").reverse();
    (key ? settings[key] : settings)[inner] = usual;
  }
  for (const [name, value] of Object.entries(given)) {
    const [inner, key] = name.split(".").reverse();
    if (Object.hasOwn(FIELDS, name) && FIELDS[name][1](value)) {
      (key ? settings[key] : settings)[inner] = value;
    } else {
      problems.push(name);
    }
  }
  return { settings, problems };
}

/** Which of the files that the settings name can't be used; without a connection none counts. */
export async function unusableFiles(settings) {
  const languages = await Promise.all(settings.languages.map(async (code) => {
    const isUsable = await fetch(`languages/${code}.json`, { method: "HEAD" }).then(({ ok }) => ok, () => true);
    return isUsable ? [] : [`languages: ${code}`];
  }));
  const wrong = await Promise.all(["frame", "logo"].filter((name) => settings[name]).map(async (name) => {
    const image = Object.assign(new Image(), { src: settings[name] });
    const isUsable = await image.decode().then(() => true, () => !navigator.onLine);
    return isUsable ? [] : [`${name}: ${settings[name]}`];
  }));
  return [...languages, ...wrong].flat();
}
