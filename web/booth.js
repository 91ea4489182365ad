// The booth's page: on the pad from the first touch to the pictures, on a phone the pictures behind a link.

import { contentTypeOf, isTokenGood, keepToken, listScenes } from "./api.js";
import { cameras, closeCamera, describe, isCameraPossible, openCamera, takePhoto } from "./camera.js";
import { forgetLanguage, offerLanguages, showPrivacy, startSpeaking } from "./common.js";
import { IdleWatch } from "./dialogs.js";
import { clear, knowScenes, prepareGallery, showVisit } from "./screens/visit.js";
import { unfinished } from "./outbox.js";
import { language, text, titleIn, wordsFor } from "./text.js";
import { Visit } from "./visit.js";

const RESUME_MS = 10 * 60 * 1000; // a younger visit is shown again after a reload; an older one only goes on
const FLASH_MS = 150; // the screen lights the faces that long before the picture is taken
const DRIFT_ROWS = 5;

const $ = (id) => document.getElementById(id);

const settings = await (await fetch("settings.json")).json();
const link = new URLSearchParams(location.hash.slice(1));
const isPhone = link.has("visit");

let screen = "";
let catalogue = { scenes: [], default: [] };
let chosen = []; // ids of scenes, in the order in which they were chosen
let consent = null;
let photo = null; // {blob, contentType}
let stream = null; // of the open camera
let visit = null; // that is shown
const visits = new Set(); // all that are under way
let shooting = new AbortController(); // ends a countdown
let autoTimer;
let isResting = true;
let nextAfterPairing = () => restart();

const idle = new IdleWatch(settings.idleSeconds, () => restart());

function show(name) {
  screen = name;
  document.body.dataset.screen = name;
  for (const section of document.querySelectorAll(".screen")) {
    section.hidden = section.id !== name;
  }
  scrollTo(0, 0);
  if (isPhone || name === "start") {
    idle.stop();
  } else {
    idle.start();
  }
  $(name).querySelector("h1, h2").focus({ preventScroll: true });
}

// The start

async function restart(note = "") {
  shooting.abort();
  clearTimeout(autoTimer);
  stopCamera();
  document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
  clear();
  visit?.leave();
  visit = null;
  forgetPhoto();
  consent = null;
  chosen = firstScenes();
  $("wall").checked = false;
  await forgetLanguage(settings);
  show("start");
  $("start-note").textContent = note && text(note);
}

function forgetPhoto() {
  URL.revokeObjectURL($("shot").src);
  $("shot").removeAttribute("src");
  photo = null;
}

function drift() {
  const rows = Array.from({ length: DRIFT_ROWS }, (_, row) => {
    const element = document.createElement("div");
    const shift = Math.floor(row * catalogue.scenes.length / DRIFT_ROWS);
    const order = [...catalogue.scenes.slice(shift), ...catalogue.scenes.slice(0, shift)];
    const round = Array.from({ length: Math.ceil(8 / order.length) }, () => order).flat();
    element.append(...[...round, ...round].map(({ thumbnail, color }) => { // twice, so that the end meets the start
      const image = new Image();
      image.src = thumbnail;
      image.alt = "";
      image.style.backgroundColor = color;
      return image;
    }));
    return element;
  });
  $("drift").replaceChildren(...rows);
}

$("start").onclick = () => show("consent");

// Consent

$("agree").onclick = () => {
  consent = {
    policy: settings.privacy.version, language, time: new Date().toISOString(), wall: $("wall").checked,
  };
  show("scenes");
};
$("refuse").onclick = () => restart();
$("privacy-link").onclick = (event) => { // a pad has no way back from another page
  event.preventDefault();
  showPrivacy(settings);
  $("privacy").showModal();
};
$("close-privacy").onclick = () => $("privacy").close();

// Scenes

async function loadScenes() {
  const signal = new AbortController().signal;
  const onTrouble = () => { $("scenes-missing").textContent = text("scenes.missing"); };
  try {
    catalogue = await listScenes({ signal, onTrouble });
  } catch (error) {
    $("scenes-missing").textContent = wordsFor(error);
    return;
  }
  $("scenes-missing").textContent = "";
  knowScenes(catalogue.scenes);
  if (!isPhone) {
    chosen = firstScenes();
    drift();
    listChoices();
  }
}

function firstScenes() {
  const wanted = settings.scenes.length ? settings.scenes : catalogue.default;
  return wanted.filter((id) => catalogue.scenes.some((scene) => scene.id === id)).slice(0, settings.mostScenes);
}

function listChoices() {
  $("scene-list").replaceChildren(...catalogue.scenes.map(({ id, title, color, thumbnail }) => {
    const item = $("scene").content.cloneNode(true);
    const box = item.querySelector("input");
    box.value = id;
    box.checked = chosen.includes(id);
    box.onchange = () => choose(box);
    item.querySelector("img").src = thumbnail;
    item.querySelector("img").style.backgroundColor = color;
    item.querySelector("span").textContent = titleIn(title);
    return item;
  }));
  countChosen();
}

/** Takes or drops a scene; one too many drops the one that was chosen first. */
function choose(box) {
  chosen = chosen.filter((id) => id !== box.value);
  if (box.checked) {
    chosen = [...chosen, box.value].slice(-settings.mostScenes);
  }
  for (const other of $("scene-list").querySelectorAll("input")) {
    other.checked = chosen.includes(other.value);
  }
  countChosen();
}

function countChosen() {
  $("chosen").textContent = text("scenes.chosen", { count: chosen.length, most: settings.mostScenes });
  $("to-camera").disabled = chosen.length === 0;
}

$("to-camera").onclick = () => startCamera();

// The camera

async function startCamera(deviceId) {
  show("camera");
  stopCamera();
  $("shoot").disabled = true;
  $("camera-problem").hidden = true;
  $("countdown").textContent = "";
  if (!isCameraPossible) {
    cameraFailed("camera.none");
    return;
  }
  let opened;
  try {
    opened = await openCamera(deviceId);
  } catch (error) {
    cameraFailed(error.name === "NotAllowedError" ? "camera.denied" : "camera.none");
    return;
  }
  if (screen !== "camera" || stream) { // the visitor went on meanwhile
    closeCamera(opened);
    return;
  }
  stream = opened;
  stream.getVideoTracks()[0].onended = () => cameraFailed("camera.none");
  $("preview").classList.toggle("mirror", describe(stream).isFront);
  $("preview").srcObject = stream;
  $("switch").hidden = (await cameras()).length < 2;
}

function cameraFailed(problem) {
  stopCamera();
  $("shoot").disabled = true;
  $("camera-note").textContent = text(problem);
  $("camera-problem").hidden = false;
}

function stopCamera() {
  shooting.abort();
  if (stream) {
    closeCamera(stream);
    stream = null;
  }
  $("preview").srcObject = null;
}

async function switchCamera() {
  const ids = await cameras();
  startCamera(ids[(ids.indexOf(describe(stream).deviceId) + 1) % ids.length]);
}

async function shoot() {
  $("shoot").disabled = true;
  shooting = new AbortController();
  const { signal } = shooting;
  for (let left = settings.countdownSeconds; left > 0; left -= 1) {
    $("countdown").textContent = left;
    await sleep(1000);
    if (signal.aborted) {
      return;
    }
  }
  $("countdown").textContent = "";
  $("flash").classList.add("on");
  await sleep(FLASH_MS);
  try {
    const blob = await takePhoto($("preview"));
    if (!signal.aborted) {
      review({ blob, contentType: "image/jpeg" });
    }
  } catch {
    cameraFailed("camera.none");
  } finally {
    $("flash").classList.remove("on");
  }
}

function sleep(milliseconds) {
  return new Promise((resolve) => { setTimeout(resolve, milliseconds); });
}

function takeFile(event) {
  const [file] = event.target.files;
  event.target.value = ""; // so that choosing the same file again is a change, too
  if (!file) {
    return;
  }
  try {
    review({ blob: file, contentType: contentTypeOf(file) });
  } catch (error) {
    cameraFailed(`error.${error.code}`);
  }
}

$("preview").onloadeddata = () => { $("shoot").disabled = false; };
$("shoot").onclick = shoot;
$("switch").onclick = switchCamera;
$("retry-camera").onclick = () => startCamera();
$("open-camera-app").onclick = () => $("camera-app").click();
$("choose-file").onclick = () => $("file").click();
$("file").onchange = takeFile;
$("camera-app").onchange = takeFile;

// Use it or take another one

function review(taken) {
  stopCamera();
  photo = taken;
  $("review-note").textContent = "";
  $("shot").hidden = false;
  $("shot").src = URL.createObjectURL(taken.blob);
  show("review");
  clearTimeout(autoTimer);
  if (settings.autoUseSeconds) {
    countToUse(settings.autoUseSeconds);
  } else {
    $("auto").textContent = "";
  }
}

function countToUse(left) {
  if (left === 0) {
    send();
    return;
  }
  $("auto").textContent = text("review.auto", { seconds: left });
  autoTimer = setTimeout(() => countToUse(left - 1), 1000);
}

$("shot").onerror = () => { // HEIC in most browsers
  $("shot").hidden = true;
  $("review-note").textContent = text("review.unseen");
};
$("use").onclick = () => send();
$("retake").onclick = () => {
  clearTimeout(autoTimer);
  forgetPhoto();
  startCamera();
};

// The visit

function send() {
  clearTimeout(autoTimer);
  const sent = photo;
  forgetPhoto();
  begin(Visit.ofPhoto(sent, chosen, consent));
}

/** Shows a visit and lets it run. */
function begin(begun) {
  visit = begun;
  visit.onTokenNeeded = () => visit === begun && pair(() => resumeShown(begun), true);
  show("visit");
  isResting = true;
  showVisit(visit);
  go(visit);
}

/** The pad waits for its visitor only when there is nothing to wait for on its side. */
function watch({ phase, trouble }) {
  const rests = !["sending", "working"].includes(phase) || trouble === "lost";
  if (isPhone || rests === isResting) {
    return;
  }
  isResting = rests;
  if (rests) {
    idle.start();
  } else {
    idle.stop();
  }
}

async function go(running) {
  visits.add(running);
  await running.run();
  visits.delete(running);
}

function resumeShown(paired) {
  if (visit === paired) {
    show("visit");
  } else {
    restart();
  }
}

$("another").onclick = () => {
  const { scenes, consent: given } = visit.record;
  visit.leave();
  visit = null;
  clear();
  chosen = scenes;
  consent = given;
  startCamera();
};
$("again").onclick = () => {
  const { blob, contentType, scenes, consent: given } = visit.record;
  visit.leave();
  begin(Visit.ofPhoto({ blob, contentType }, scenes, given));
};
$("done").onclick = () => restart();

// Pairing

function pair(next, hasPhoto) {
  nextAfterPairing = next;
  $("pair-kept").hidden = !hasPhoto;
  $("pair-problem").textContent = "";
  $("token").value = "";
  show("pairing");
}

$("pair-form").onsubmit = async (event) => {
  event.preventDefault();
  const token = $("token").value.trim();
  try {
    if (!await isTokenGood(token)) {
      $("pair-problem").textContent = text("pair.wrong");
      return;
    }
  } catch {
    $("pair-problem").textContent = text("pair.unreachable");
    return;
  }
  keepToken(token);
  visits.forEach((waiting) => waiting.paired());
  visit?.paired();
  nextAfterPairing();
};
$("unpaired").onclick = () => restart();

// Everywhere

for (const button of document.querySelectorAll(".back")) {
  button.onclick = () => {
    stopCamera();
    if (button.dataset.to === "start") {
      restart();
    } else {
      show(button.dataset.to);
    }
  };
}

function speakAnew() {
  const { retentionDays: days } = settings.privacy;
  $("title").textContent = titleIn(settings.title);
  $("consent-keep").textContent = text("consent.keep", { days });
  listChoices();
}

async function startPad() {
  const records = await unfinished();
  const [newest] = records;
  const isShown = newest && Date.now() - newest.created < RESUME_MS;
  for (const record of isShown ? records.slice(1) : records) {
    const waiting = new Visit(record);
    waiting.leave();
    go(waiting);
  }
  if (link.has("pair")) {
    history.replaceState(null, "", "./"); // the token must not stay in the address
    if (link.get("pair")) {
      keepToken(link.get("pair"));
      await restart("pair.done");
    } else {
      pair(() => restart("pair.done"), false);
    }
  } else if (isShown) {
    begin(new Visit(newest));
  } else {
    await restart();
  }
  navigator.serviceWorker?.register("sw.js");
}

function startPhone() {
  begin(Visit.ofLink(link.get("visit")));
}

$("wall-choice").hidden = !settings.wall;
document.addEventListener("spoken", speakAnew);
offerLanguages(settings);
prepareGallery({
  settings, isPhone, changed: watch, deleted: () => (isPhone ? undefined : restart("note.deleted")),
});
await startSpeaking(settings);
loadScenes();
addEventListener("hashchange", () => location.reload()); // another link, or a pairing code
if (isPhone) {
  startPhone();
} else {
  await startPad();
}
