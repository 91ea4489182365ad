// The wall: a projector or a TV that shows the pictures whose visitors have agreed to it, and beside them the event's
// title. It knows no visit, and keeps nothing but its token.

import { after } from "../clock.js";
import { restoreLanguage } from "../common.js";
import { $ } from "../dom.js";
import { followEvent } from "../event.js";
import { loadSettings } from "../settings.js";
import { store, stored } from "../storage.js";
import { language, localized, pauseText, text, textsFrom } from "../text.js";
import { follow } from "./feed.js";
import { fillByTap, hidePointer, stayAwake } from "./screen.js";
import { Show } from "./show.js";

const TOKEN = "wall-token"; // in this browser's local storage
const RELOAD_MS = 10_000; // without any texts
const LOOK_MS = 10_000; // whether a pause is over
const IS_HERE = /^(localhost|127\.0\.0\.1|\[::1\])$/.test(location.hostname); // no phone gets there

textsFrom("languages/wall");
const fragment = location.hash.slice(1);
const link = (new URLSearchParams(fragment).get("token") ?? fragment).trim();
if (fragment) {
  history.replaceState(null, "", location.pathname); // the token must not stay in the address
}
addEventListener("hashchange", () => location.reload()); // another link
const deployed = await loadSettings();
const { settings } = deployed;
let problem = ""; // key of its text

function showEvent() {
  const { title, logo, paused } = settings;
  document.title = $("title").textContent = localized(title);
  if ($("logo").getAttribute("src") !== logo) {
    $("logo").src = logo;
    $("logo").hidden = !logo;
  }
  const isPaused = paused && (!paused.until || paused.until * 1000 > Date.now());
  say("problem", problem && text(problem));
  say("pause", isPaused ? pauseText(paused) : "");
}

/** Sets a text only if it is another one: a screen reader would read the same one again. */
function say(id, words) {
  if ($(id).textContent !== words) {
    $(id).textContent = words;
  }
}

/** `state`: "pictures", or "title" for the title alone; `sentence`: key of what is wrong. */
function become(state, sentence = "") {
  document.body.dataset.state = state;
  problem = sentence;
  showEvent();
}

/** The booth's own address, for those who stand before the wall. */
async function showCode() {
  const { generate } = await import("../vendor/lean-qr.js");
  const address = new URL("./", location.href).href;
  generate(address).toCanvas($("code").querySelector("canvas"), { on: [14, 11, 22, 255], off: [255, 255, 255, 255] });
  $("code").hidden = false;
  document.documentElement.classList.add("with-code");
}

function start(token) {
  const show = new Show($("stage"), $("area"), { onChange: (isShown) => become(isShown ? "pictures" : "title") });
  const isLinks = token === link;
  follow(token, {
    onPictures: (urls) => {
      if (isLinks) {
        store("localStorage", TOKEN, token); // the booth takes it
      }
      document.body.classList.remove("silent");
      show.take(urls);
    },
    onSilent: () => {
      show.clear();
      document.body.classList.add("silent");
    },
    onRefused: () => {
      show.clear();
      become("title", "token.wrong");
    },
  });
}

/** The staff has changed the settings. */
async function takeUp() {
  if (!settings.languages.includes(language)) {
    await restoreLanguage(settings);
  }
  showEvent();
}

$("logo").onerror = () => { $("logo").hidden = true; };
await restoreLanguage(settings);
if (!language) {
  after(RELOAD_MS, () => location.reload());
} else {
  showEvent();
  followEvent(settings, deployed, takeUp);
  const look = () => {
    showEvent();
    after(LOOK_MS, look);
  };
  look();
  stayAwake();
  hidePointer();
  fillByTap();
  if (settings.wallCode && !IS_HERE) {
    showCode().catch(({ name }) => console.warn("no QR code", name));
  }
  const token = link || stored("localStorage", TOKEN);
  if (token) {
    start(token);
  } else {
    become("title", "token.missing");
  }
}
