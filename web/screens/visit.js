// The screen of one visit, on the pad and on the visitor's phone: progress, pictures, and what one can do with them.

import { ask } from "../dialogs.js";
import { canShare, fetchPicture, print, save, share } from "../pictures.js";
import { about, fill, text, titleIn, wordsFor } from "../text.js";
import { generate } from "../vendor/lean-qr.js";
import { isFaultOfThePhoto } from "../visit.js";

const UPLOAD_SHARE = 0.2; // of the bar; the rest is the API's `progress`
const LATE_MS = 45_000;
const GAP = 12; // pixels between tiles, as in the style sheet
const BELOW = 64; // pixels below the tiles: the words about AI
const LEAST_TILE = 150; // pixels; narrower tiles are hard to see
const NARROW = 560; // pixels; a phone
const ARCHIVE = "photo-booth.zip";

const STEPS = ["send", "find", "cut", "paint"];
const STEP_OF = { // the API's `step`; an unknown one leaves the shown step as it is
  upload: "find", queue: "find", detect: "find", crop: "cut", segment: "cut", merge: "cut", wait: "paint",
  generate: "paint",
};

const $ = (id) => document.getElementById(id);

let settings;
let scenes = []; // of the catalogue
let isPhone;
let visit = null;
let began = 0;
let tiles = []; // {element, scene, url, file, photo}: the visitor's photo, then the pictures
let aspect = 4 / 3;
let viewed = 0; // index into tiles
let lateTimer;
let onDeleted;
let onChanged;

/** Prepares the screen. `changed` is called with each new state, `deleted` when the visitor has deleted everything. */
export function prepareGallery(options) {
  ({ settings, isPhone, changed: onChanged, deleted: onDeleted } = options);
  document.body.classList.toggle("phone", isPhone);
  new ResizeObserver(fit).observe($("tiles"));
  document.addEventListener("spoken", () => visit && show());
}

/** The catalogue, for the scenes' titles and thumbnails. */
export function knowScenes(known) {
  scenes = known;
  if (visit) {
    show();
  }
}

/** Shows this visit from now on. */
export function showVisit(shown) {
  clear();
  visit = shown;
  began = Date.now();
  visit.onChange = show;
  lateTimer = setTimeout(show, LATE_MS);
  const code = generate(`${location.origin}/#visit=${visit.record.requestId}`);
  code.toCanvas($("qr"), { on: [14, 11, 22, 255], off: [255, 255, 255, 255] });
  show();
}

/** Forgets what is shown: the next visitor sees nothing of it. */
export function clear() {
  clearTimeout(lateTimer);
  if (visit) {
    visit.onChange = () => {};
    visit = null;
  }
  removeTiles();
}

function removeTiles() {
  $("viewer").close();
  $("large").removeAttribute("src");
  $("large-photo").removeAttribute("src");
  tiles.forEach(({ element }) => element.querySelectorAll("img").forEach(({ src }) => URL.revokeObjectURL(src)));
  tiles = [];
  $("tiles").replaceChildren();
}

function show() {
  const { phase, share: sent, answer, error } = visit.state;
  $("visit").dataset.phase = phase;
  const [status, note] = words();
  say(status, note);
  $("bar").value = answer ? UPLOAD_SHARE + (1 - UPLOAD_SHARE) * answer.progress : sent * UPLOAD_SHARE;
  mark(phase === "sending" ? "send" : STEP_OF[answer?.step ?? "upload"]);
  if (["deleted", "missing"].includes(phase)) {
    removeTiles();
  } else {
    showPictures(answer);
  }
  $("work").hidden = !["sending", "working"].includes(phase);
  $("phone-card").hidden = isPhone || ["failed", "deleted", "missing"].includes(phase);
  offer(phase, error);
  fit();
  onChanged(visit.state);
}

/** What stands above the pictures, and the line below it. */
function words() {
  const { phase, share: sent, trouble, answer, error } = visit.state;
  const { retentionDays: days } = settings.privacy;
  const pictures = answer?.pictures ?? [];
  const done = pictures.filter(({ state }) => state === "DONE").length;
  if (phase === "failed") {
    return [text("status.failed"), wordsFor(error)];
  }
  if (phase === "missing" || phase === "deleted") {
    return [text(`status.${phase}`), text(`note.${phase}`, { days })];
  }
  if (phase === "ended") {
    return done === pictures.length
      ? [text("status.done"), ""]
      : [text("status.partial", { done, all: pictures.length }), text("note.partial")];
  }
  const trouble_ = trouble === "lost" && phase === "sending" ? "kept" : trouble;
  return [doing(phase, sent, trouble, answer, done), trouble ? text(`note.${trouble_}`) : patience(answer)];
}

/** What one says to somebody who has to wait. */
function patience(answer) {
  if (answer?.waiting_seconds) {
    return text(isPhone ? "note.turnPhone" : "note.turn");
  }
  const isLate = Date.now() - began >= LATE_MS;
  return isLate ? text(isPhone ? "note.latePhone" : "note.late") : "";
}

function doing(phase, sent, trouble, answer, done) {
  if (phase === "sending") {
    return trouble === "lost" ? text("status.saved") : text("status.sending", { percent: Math.floor(sent * 100) });
  }
  if (!answer) {
    return text(isPhone ? "status.asking" : "status.find");
  }
  if (answer.waiting_seconds) {
    return text("status.turn", { time: about(answer.waiting_seconds) });
  }
  if (answer.status === "QUEUED") {
    return text("status.queue");
  }
  const step = STEP_OF[answer.step] ?? "paint";
  const all = answer.pictures.length;
  return text(`status.${step}`, { current: Math.min(done + 1, all), all });
}

/** Says it, and to a screen reader what is more than a change of a percentage. */
function say(status, note) {
  const { phase, trouble } = visit.state;
  const spoken = phase === "sending" && !trouble ? text("step.send") : `${status}. ${note}`;
  for (const [id, said] of [["status", status], ["note", note], ["announce", spoken]]) {
    if ($(id).textContent !== said) {
      $(id).textContent = said;
    }
  }
}

function mark(step) {
  if (!step) {
    return;
  }
  const at = STEPS.indexOf(step);
  for (const item of $("steps").children) {
    const index = STEPS.indexOf(item.dataset.step);
    item.className = index < at ? "done" : "";
    item.setAttribute("aria-current", index === at ? "step" : "false");
  }
}

/** Which buttons there are. */
function offer(phase, error) {
  const files = finished();
  const isOver = !["sending", "working"].includes(phase);
  const hasFailed = phase === "failed";
  $("again").hidden = !hasFailed || !visit.record.blob || isFaultOfThePhoto(error.code);
  $("another").hidden = !hasFailed || isPhone;
  $("share-all").hidden = !isPhone || !files.length || !canShare(files);
  $("save-all").hidden = !files.length || !isOver;
  $("print-all").hidden = isPhone || !files.length || !isOver;
  $("done").hidden = isPhone;
  $("done").textContent = text(isOver && !hasFailed ? "done" : "leave");
  $("delete").hidden = phase === "deleted" || phase === "missing";
  $("until").textContent = isPhone && files.length
    ? text("note.until", { days: settings.privacy.retentionDays }) : "";
}

function finished() {
  return tiles.slice(1).filter(({ file }) => file).map(({ file }) => file);
}

// Tiles

function addTile({ scene }) {
  $("tiles").append($("tile").content.cloneNode(true));
  const tile = { element: $("tiles").lastElementChild, scene, url: "", file: null };
  fill(tile.element);
  tile.element.classList.toggle("photo", scene === null);
  const [ghost] = tile.element.getElementsByClassName("ghost");
  ghost.onerror = () => { ghost.hidden = true; };
  tiles.push(tile);
  return tile;
}

function titleOf(scene) {
  const known = scenes.find(({ id }) => id === scene);
  return known ? titleIn(known.title) : scene;
}

function showPhoto(blob) {
  const [ghost] = tiles[0].element.getElementsByClassName("ghost");
  ghost.src = URL.createObjectURL(blob);
  ghost.hidden = false;
  ghost.onload = () => {
    aspect = ghost.naturalWidth / ghost.naturalHeight;
    fit();
  };
}

function showPictures(answer) {
  if (!tiles.length) {
    addTile({ scene: null });
    if (visit.record.blob) {
      showPhoto(visit.record.blob);
    }
  }
  tiles[0].element.querySelector(".caption").textContent = text("tile.photo");
  tiles[0].element.querySelector(".ghost").alt = text("tile.photo");
  if (answer?.url_original && !tiles[0].url) {
    tiles[0].url = answer.url_original;
    fetchPicture(answer.url_original, "photo.jpg", {}).then(showPhotoFile(tiles), () => {});
  }
  if (visit.state.phase === "failed") { // its reason stands above; there is no picture, and no copy but this device's
    tiles.splice(tiles[0].url || visit.record.blob ? 1 : 0).forEach(({ element }) => element.remove());
    return;
  }
  const pictures = answer?.pictures ?? visit.record.scenes?.map((scene) => ({ scene, state: "WAITING" })) ?? [];
  pictures.forEach((picture, index) => showPicture(tiles[index + 1] ?? addTile(picture), picture, index + 1));
}

/** What to do with the booth's copy of the photo: it is upright and of the pictures' size. */
function showPhotoFile(ofTiles) {
  return (file) => {
    if (ofTiles === tiles) { // still the same visit
      tiles[0].file = file;
      showPhoto(file);
    }
  };
}

function showPicture(tile, { scene, state, url, error }, number) {
  const title = titleOf(scene);
  const { element } = tile;
  const ghost = element.querySelector(".ghost");
  const thumbnail = scenes.find(({ id }) => id === scene)?.thumbnail;
  if (thumbnail && !ghost.src && !tile.file) {
    ghost.src = thumbnail;
  }
  element.querySelector(".caption").textContent = title;
  element.querySelector(".enlarge").setAttribute("aria-label", text("tile.enlarge", { scene: title }));
  element.querySelector(".enlarge img").alt = "";
  ghost.alt = state === "DONE" ? "" : text("tile.waiting", { scene: title });
  element.classList.toggle("failed", state === "FAILED");
  if (!tile.isWeak) {
    element.querySelector(".note").textContent = error ? wordsFor(error) : "";
  }
  if (state === "DONE" && url && !tile.url) {
    tile.url = url;
    load(tile, `photo-booth-${number}-${scene}.jpg`);
  }
}

async function load(tile, name) {
  const { element, url } = tile;
  const ofTiles = tiles;
  const reload = element.querySelector(".reload");
  reload.hidden = true;
  tile.isWeak = false;
  try {
    tile.file = await fetchPicture(url, name, settings);
  } catch {
    tile.isWeak = true;
    element.querySelector(".note").textContent = text("tile.weak");
    reload.hidden = false;
    reload.onclick = () => load(tile, name);
    return;
  }
  if (ofTiles !== tiles) { // the visitor has gone on
    return;
  }
  element.querySelector(".note").textContent = "";
  const button = element.querySelector(".enlarge");
  const image = button.querySelector("img");
  image.onload = () => {
    aspect = image.naturalWidth / image.naturalHeight;
    button.hidden = false;
    element.classList.add("loaded");
    show();
  };
  image.src = URL.createObjectURL(tile.file);
  button.onclick = () => view(tiles.indexOf(tile));
}

/** Makes the tiles as large as they can be side by side without scrolling; narrow screens scroll. */
function fit() {
  const list = $("tiles");
  const width = list.clientWidth;
  if (!width || !tiles.length) {
    return;
  }
  const height = innerHeight - list.getBoundingClientRect().top - scrollY - BELOW;
  let best = 0;
  let columns = 1;
  for (let count = 1; count <= tiles.length; count += 1) {
    const rows = Math.ceil(tiles.length / count);
    const byWidth = (width - GAP * (count - 1)) / count;
    const byHeight = ((height - GAP * (rows - 1)) / rows) * aspect;
    const size = Math.min(byWidth, byHeight);
    if (size > best) {
      best = size;
      columns = count;
    }
  }
  if (best < LEAST_TILE || width < NARROW) { // it scrolls then
    columns = width > NARROW || aspect < 1 ? 2 : 1;
    best = (width - GAP * (columns - 1)) / columns;
  }
  list.style.setProperty("--columns", columns);
  list.style.setProperty("--size", `${Math.floor(best)}px`);
  list.style.setProperty("--aspect", aspect);
}

// One picture, large

function view(index) {
  viewed = index;
  const { file, scene } = tiles[index];
  URL.revokeObjectURL($("large").src);
  $("large").src = URL.createObjectURL(file);
  $("large").alt = titleOf(scene);
  $("viewer-title").textContent = titleOf(scene);
  $("compare").style.setProperty("--aspect", aspect);
  const photo = tiles[0].file;
  $("split").hidden = $("handle").hidden = $("split-hint").hidden = $("large-photo").hidden = !photo;
  if (photo) {
    $("large-photo").src = tiles[0].element.querySelector(".ghost").src;
  }
  split(0);
  $("share").hidden = !isPhone || !canShare([file]);
  $("print").hidden = isPhone;
  const others = shownIndexes().length > 1;
  $("previous").hidden = $("next").hidden = !others;
  if (!$("viewer").open) {
    $("viewer").showModal();
  }
}

function shownIndexes() {
  return tiles.map((tile, index) => index).filter((index) => index > 0 && tiles[index].file);
}

function step(by) {
  const indexes = shownIndexes();
  view(indexes[(indexes.indexOf(viewed) + by + indexes.length) % indexes.length]);
}

function split(percent) {
  $("split").value = percent;
  $("compare").style.setProperty("--split", `${percent}%`);
}

$("split").oninput = () => split($("split").value);
$("previous").onclick = () => step(-1);
$("next").onclick = () => step(1);
$("close-viewer").onclick = () => $("viewer").close();
$("viewer").onclick = ({ target }) => target === $("viewer") && $("viewer").close(); // beside the picture
$("save").onclick = () => save([tiles[viewed].file], ARCHIVE);
$("share").onclick = () => share([tiles[viewed].file], ARCHIVE);
$("print").onclick = () => print([tiles[viewed].file]);
$("save-all").onclick = () => save(finished(), ARCHIVE);
$("share-all").onclick = () => share(finished(), ARCHIVE);
$("print-all").onclick = () => print(finished());
$("delete").onclick = async () => {
  const isDeleted = await ask({
    title: "delete.title",
    say: "delete.text",
    yes: "delete.yes",
    no: "delete.no",
    working: "delete.working",
    failed: "delete.failed",
    onYes: () => visit.delete(),
  });
  if (isDeleted) {
    onDeleted();
  }
};
