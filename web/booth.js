// The booth's page: on the pad the way from the first touch to the pictures, on a phone the pictures behind a link.
// Here stands which screen follows which; each screen is a module in screens/.

import { after, sleep, within } from "./clock.js";
import { resetLanguage, restoreLanguage, showLanguages } from "./common.js";
import { IdleTimer } from "./dialogs.js";
import { $, holdStill, show } from "./dom.js";
import { held, unfinished } from "./outbox.js";
import { CameraScreen } from "./screens/camera.js";
import { ConsentScreen } from "./screens/consent.js";
import { ReviewScreen } from "./screens/review.js";
import { ScenesScreen } from "./screens/scenes.js";
import { Session } from "./screens/session.js";
import { StartScreen } from "./screens/start.js";
import { loadSettings, unusableFiles } from "./settings.js";
import { language, text } from "./text.js";
import { Visit } from "./visit.js";

const DATABASE_MS = 3000; // may it take until the start is shown
const RESUME_MS = 10 * 60 * 1000; // a younger visit is shown again after a reload; an older one only goes on
const RELOAD_MS = 10_000; // without any texts
const LOAD_MS = 30_000;
const RETRY_MS = 2000;
const LOOK_MS = 30_000; // until the pad looks for the first time whether the staff has changed the settings
const LATER = [ // the start stands without them, but no visit begins
  "./screens/visit.js", "./screens/tiles.js", "./pictures.js", "./vendor/lean-qr.js", "./screens/progress.js",
];

let { settings, problems } = await loadSettings();
const ofDeployed = { problems }; // if there is no event.json
const link = new URLSearchParams(location.hash.slice(1));
const session = new Session(settings, link.has("visit"));
const visits = new Set(); // all that are under way, shown or not
const idle = new IdleTimer(settings.idleSeconds, () => restart("", { isIdle: true }));

let visitScreen; // once it has been loaded
let loading; // settles then
let missing = "start.loading"; // key of what the start says to a tap until then

const start = new StartScreen(session, {
  onBegin: async () => {
    start.say(visitScreen ? "" : missing);
    await loadVisitScreen();
    consent.open();
  },
});
const consent = new ConsentScreen(session, { onAgree: () => scenes.open(), onRefuse: () => restart() });
const scenes = new ScenesScreen(session, { onNext: () => (visitScreen?.visit ? paintAgain() : camera.open()) });
const camera = new CameraScreen(session, { onPhoto: (photo) => review.open(photo) });
const review = new ReviewScreen(session, {
  onUse: (photo) => begin(Visit.ofPhoto(photo, session.chosen, session.keep, session.consent, settings.again > 0)),
  onRetake: () => camera.open(),
});
let pairing; // its screen, loaded when a token is asked for: then there is a connection

/** Loads what a visit needs, before it begins: then there may be no connection. */
function loadVisitScreen() {
  const modules = () => Promise.all(LATER.map((module) => import(module)));
  loading ??= within(LOAD_MS, modules()).then(([{ VisitScreen }, , , { generate }]) => {
    visitScreen = new VisitScreen(session, {
      generate,
      onBusy: watchIdleTime,
      onAgain: sendAgain,
      onAnother: takeAnother,
      onOtherScenes: chooseAgain,
      onDone: () => restart(),
      onDeleted: () => (session.isPhone ? undefined : restart("note.deleted")),
    });
  }, reloadOnceConnected);
  return loading;
}

/** A module that could not be loaded is not asked for again before a reload, in some browsers. Never settles. */
async function reloadOnceConnected() {
  missing = "note.lost";
  start.say(missing);
  if (document.body.dataset.screen === "loading") {
    $("staff").textContent = text("note.lost");
  }
  const isThere = (module) => fetch(module, { method: "HEAD" }).then(({ ok }) => ok, () => false);
  while (!(await Promise.all(LATER.map(isThere))).every(Boolean)) {
    await sleep(RETRY_MS);
  }
  location.reload();
  await new Promise(() => {});
}

/** Forgets the visitor and shows the start; `note` is the key of a text on it. */
async function restart(note = "", options = {}) {
  camera.close();
  review.close();
  document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
  const left = visitScreen?.close(options);
  consent.close();
  session.reset();
  await Promise.all([left, resetLanguage(settings)]);
  start.open(note);
}

/** Shows a visit and lets it run; `former`: those before it of the same photo. */
function begin(visit, former = []) {
  visit.onTokenNeeded = () => {
    if (visitScreen.visit === visit) {
      askForToken({ hasPhoto: true, then: () => (visitScreen.visit === visit ? show("visit") : restart()) });
    }
  };
  visitScreen.open(visit, former);
  run(visit);
}

/** Lets a visit run, whether it is shown or not. */
async function run(visit) {
  visits.add(visit);
  await visit.run();
  visits.delete(visit);
}

function sendAgain() {
  const { blob, contentType, scenes: chosen, keep, consent: given } = visitScreen.visit.record;
  begin(Visit.ofPhoto({ blob, contentType }, chosen, keep, given, settings.again > 0));
}

function chooseAgain() {
  session.chosen = [];
  scenes.open();
}

/** The same photo in the scenes that were chosen now. */
async function paintAgain() {
  const { furtherVisit, showCodes } = await import("./again.js");
  const { visit, former } = visitScreen;
  begin(furtherVisit(visit, session.chosen, session.keep), [...former, visit]);
  $("former").onclick = () => showCodes(visitScreen.former, visitScreen.draw);
}

function takeAnother() {
  const { scenes: chosen, keep = "", consent: given } = visitScreen.visit.record;
  visitScreen.close();
  session.chosen = chosen;
  session.tapped = "";
  session.tapped = keep === session.keep ? "" : keep; // the operator's is not the visitor's
  session.consent = given;
  camera.open();
}

async function askForToken({ hasPhoto, token, then }) {
  const made = ({ PairingScreen }) => new PairingScreen({ onCancel: () => restart() });
  pairing ??= import("./screens/pairing.js").then(made, reloadOnceConnected);
  (await pairing).open({
    hasPhoto,
    token,
    onPaired: () => {
      visits.forEach((visit) => visit.paired());
      visitScreen?.visit?.paired();
      then();
    },
  });
}

/** The pad waits for its visitor only when there is nothing to wait for on its side. */
function watchIdleTime(isBusy) {
  if (session.isPhone) {
    return;
  }
  if (isBusy) {
    idle.stop();
  } else {
    idle.start();
  }
}

/** Lets kept visits go on that nobody sees any more; `elsewhere` are those that another tab shows or sends. */
function resume(records, elsewhere) {
  for (const record of records.filter(({ bound, requestId }) => !bound || !elsewhere.includes(requestId))) {
    const visit = new Visit(record, true);
    visit.leave();
    run(visit);
  }
}

async function startPad() {
  const elsewhere = await held();
  const found = unfinished();
  const records = await within(DATABASE_MS, found).catch(() => {
    found.then((late) => resume(late, elsewhere));
    return [];
  });
  const [newest] = records;
  const isYoung = Math.abs(Date.now() - newest?.created) < RESUME_MS; // from the future: the clock has been set
  const isShown = isYoung && !newest.left && !elsewhere.includes(newest.requestId);
  resume(isShown ? records.slice(1) : records, elsewhere);
  if (isShown) {
    await loadVisitScreen();
    begin(new Visit(newest, true));
  }
  if (link.has("pair")) {
    history.replaceState(null, "", "./"); // the token must not stay in the address
    const then = () => (visitScreen?.visit ? show("visit") : restart("pair.done"));
    askForToken({ hasPhoto: isShown, token: link.get("pair").trim(), then });
  } else if (!isShown) {
    await restart();
  }
  loadVisitScreen();
  const register = async () => navigator.serviceWorker?.register("sw.js");
  register().catch(({ name }) => console.warn("no reload without a connection", name));
}

async function loadScenes() {
  if (await scenes.load()) {
    visitScreen?.refresh();
    if (!session.isPhone) {
      start.showScenes();
    }
  }
}

/** Tells the staff, below the start, what is wrong with the settings. */
async function showProblems() {
  const ofFields = problems;
  const ofFiles = await unusableFiles(settings);
  if (ofFields === problems) { // else there are newer ones
    problems = [...ofFields, ...ofFiles];
    tellProblems();
  }
}

function tellProblems() {
  $("staff").textContent = problems.length ? text("staff.settings", { what: problems.join(", ") }) : "";
}

/** Has settings that the staff changes taken up; loaded only now, for the start does without. */
function follow() {
  const again = () => after(LOOK_MS, follow);
  if (document.body.dataset.screen === "start") {
    import("./event.js").then(({ followEvent }) => followEvent(settings, ofDeployed, takeUp), again);
  } else {
    again();
  }
}

/** The staff has changed the settings: everything is shown anew, as after a change of the language. */
async function takeUp(found) {
  problems = found;
  session.reset();
  if (!settings.languages.includes(language)) {
    await resetLanguage(settings);
  }
  document.dispatchEvent(new Event("translated"));
  start.showScenes();
  await showProblems();
}

for (const button of document.querySelectorAll(".back")) {
  button.onclick = () => {
    camera.close();
    if (button.dataset.to === "start" && visitScreen?.visit) {
      show("visit");
    } else if (button.dataset.to === "start") {
      restart();
    } else {
      scenes.open();
    }
  };
}
document.documentElement.className = session.isPhone ? "phone" : "pad";
if (!session.isPhone) {
  holdStill();
}
document.addEventListener("shown", () => watchIdleTime(document.body.dataset.screen === "start"));
addEventListener("pagehide", () => visitScreen?.endKeeping());
addEventListener("hashchange", () => location.reload()); // another link, or a pairing code
showLanguages(settings);
await restoreLanguage(settings);
if (!language) { // without words there is nothing to show
  $("staff").textContent = "The booth can't load its texts. Please wait, or check the connection. "
    + "부스의 글을 불러올 수 없습니다. 잠시 기다리거나 연결을 확인해 주세요.";
  setTimeout(() => location.reload(), RELOAD_MS);
} else {
  loadScenes();
  if (session.isPhone) {
    await loadVisitScreen();
    begin(Visit.ofLink(link.get("visit")));
  } else {
    after(LOOK_MS, follow);
    await startPad();
    document.addEventListener("translated", tellProblems);
    await showProblems();
  }
}
