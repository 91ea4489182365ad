// The staff's page: how the booth is doing, the event's wall, the settings for the event, and one visit at a time. What the
// tabs hold is in the modules beside this one.

import { restoreLanguage, showLanguages } from "../common.js";
import { $, show } from "../dom.js";
import { loadSettings } from "../settings.js";
import { text, textIfAny, textsFrom } from "../text.js";
import { figuresOf, keepStaffToken, staffToken } from "./api.js";
import { EventSettings } from "./event.js";
import { Pause } from "./pause.js";
import { SettingsForm } from "./settings.js";
import { Today } from "./today.js";
import { VisitOfSomebody } from "./visit.js";
import { Wall } from "./wall.js";

const LANGUAGES = ["en", "ko"];
const TITLE = { en: "Booth staff", ko: "부스 담당자" };
const TABS = ["today", "wall", "event", "visit"];

textsFrom("languages/staff");
const link = new URLSearchParams(location.hash.slice(1)).get("token")?.trim();
if (location.hash) {
  history.replaceState(null, "", location.pathname); // the token must not stay in the address
}
showLanguages({ languages: LANGUAGES, title: TITLE });
const [{ settings }] = await Promise.all([loadSettings(), restoreLanguage({ languages: LANGUAGES })]);

const event = new EventSettings();
const pause = new Pause(event, { onError: sentenceOf });
const form = new SettingsForm(event, { onError: sentenceOf });
const visit = new VisitOfSomebody({ onError: sentenceOf });
const wall = new Wall({ onError: sentenceOf, onLook: () => select("wall") });
const today = new Today(event, { onSignedOut: () => signOut("signIn.wrong") });

/** What staff read of a StaffError; `kind`: of what it may have another meaning. */
function sentenceOf({ code, message }, kind = "") {
  if (code === "StaffTokenNeeded") {
    signOut("signIn.wrong");
  }
  return textIfAny(`error.${kind}.${code}`) ?? textIfAny(`error.${code}`) ?? message;
}

/** Asks the booth whether it takes the token, and keeps only one that it takes. */
async function signIn(token) {
  let figures;
  $("token-problem").textContent = text("signIn.asking");
  try {
    figures = await figuresOf("", token);
  } catch ({ code }) {
    showSignIn(code === "StaffTokenNeeded" ? "signIn.wrong" : "signIn.unreachable", token);
    return;
  }
  keepStaffToken(token);
  $("staff-token").value = "";
  $("token-problem").textContent = "";
  show("desk");
  select("today");
  today.start(figures, settings.privacy.retentionDays);
  wall.start();
  form.loadScenes().catch(() => {}); // without them the field keeps what it has
  await event.read().catch((error) => { $("state-problem").textContent = sentenceOf(error); });
}

function showSignIn(problem = "", token = "") {
  $("token-problem").textContent = problem && text(problem);
  $("staff-token").value = token;
  show("sign-in");
}

function signOut(problem = "") {
  keepStaffToken(null);
  document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
  today.stop();
  wall.stop();
  visit.close();
  showSignIn(problem);
}

/** Shows one tab's panel. */
function select(name) {
  for (const each of TABS) {
    const isSelected = each === name;
    $(`tab-${each}`).setAttribute("aria-selected", isSelected);
    $(`tab-${each}`).tabIndex = isSelected ? 0 : -1;
    $(`panel-${each}`).hidden = !isSelected;
  }
  wall.open(name === "wall");
  if (name !== "visit") {
    visit.stop();
  }
}

TABS.forEach((name, index) => {
  $(`tab-${name}`).onclick = () => select(name);
  $(`tab-${name}`).onkeydown = ({ key }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (step) {
      const next = TABS[(index + step + TABS.length) % TABS.length];
      select(next);
      $(`tab-${next}`).focus();
    }
  };
});
$("token-form").onsubmit = (submitted) => {
  submitted.preventDefault();
  signIn($("staff-token").value.trim());
};
$("sign-out").onclick = () => signOut();
document.addEventListener("translated", () => {
  form.label();
  today.show();
  wall.show();
  pause.show();
  visit.show();
});
form.label();
pause.show();
visit.show();
const token = link || staffToken();
if (token) {
  await signIn(token);
} else {
  showSignIn();
}
