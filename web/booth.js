// The booth's page: a photo goes in, three new pictures come out.

import { BoothError, contentTypeOf, followPhoto, sendPhoto } from "./api.js";
import { closeCamera, isCameraPossible, openCamera, takePhoto } from "./camera.js";

const UPLOAD_SHARE = 0.2; // of the bar; the rest is the API's `progress`

// Another attempt with the same photo ends the same way.
const FAULTS_OF_THE_PHOTO = [
  "NoFaceFound", "UnsupportedPhoto", "UnreadablePhoto", "PhotoTooLarge", "PhotoTooSmall", "PhotoTooNarrow",
];

const STEPS = ["send", "find", "cut", "paint"];
const STEP_OF = { // the API's `step`; an unknown one leaves the shown step as it is
  upload: "find", queue: "find", detect: "find", crop: "cut", segment: "cut", merge: "cut", generate: "paint",
};
const PICTURE_RETRIES = 5;

const $ = (id) => document.getElementById(id);

let current = new AbortController(); // ends the visit that is going on
let photo = null; // {blob, contentType}, for "Try again"
let stream = null; // of the open camera
let shownView = "start";

function show(view) {
  shownView = view;
  for (const section of document.querySelectorAll(".view")) {
    section.hidden = section.id !== view;
  }
  window.scrollTo(0, 0);
}

// The start

function restart(problem = "") {
  current.abort();
  photo = null;
  forgetPhoto();
  stopCamera();
  show("start");
  $("start-problem").textContent = problem;
  $("open-camera").focus({ preventScroll: true });
}

function choose(event) {
  const [file] = event.target.files;
  event.target.value = ""; // so that choosing the same file again is a change, too
  if (!file) {
    return;
  }
  try {
    photo = { blob: file, contentType: contentTypeOf(file) };
  } catch (error) {
    restart(wordsFor(error));
    return;
  }
  visit();
}

// The camera

async function startCamera() {
  if (!isCameraPossible) {
    $("camera-app").click();
    return;
  }
  $("shoot").disabled = true;
  show("camera");
  try {
    const opened = await openCamera();
    if (shownView !== "camera") { // the visitor went back meanwhile
      closeCamera(opened);
      return;
    }
    stream = opened;
  } catch (error) {
    cameraFailed(error.name === "NotAllowedError"
      ? "The camera is not allowed on this page. Allow it in the browser's settings, or choose a photo."
      : "No camera can be used at the moment. Please choose a photo.");
    return;
  }
  stream.getVideoTracks()[0].onended = () => cameraFailed("The camera was switched off. Please try again.");
  $("preview").srcObject = stream;
}

function cameraFailed(problem) {
  restart(problem);
  $("open-camera-app").hidden = false;
}

function stopCamera() {
  if (stream) {
    closeCamera(stream);
    stream = null;
  }
  $("preview").srcObject = null;
}

async function shoot() {
  $("shoot").disabled = true;
  try {
    photo = { blob: await takePhoto($("preview")), contentType: "image/jpeg" };
  } catch {
    cameraFailed("The camera gave no picture. Please try again, or choose a photo.");
    return;
  }
  stopCamera();
  visit();
}

// The visit

async function visit() {
  current.abort();
  current = new AbortController();
  const { signal } = current;
  showPhoto();
  show("visit");
  $("title").focus({ preventScroll: true });
  try {
    say("Sending your photo");
    mark("send");
    const uploaded = await sendPhoto(photo.blob, photo.contentType, { signal, onProgress: showSent });
    const options = { signal, onChange: showState, onTrouble: () => say("The connection is lost. Trying again …") };
    showEnd(await followPhoto(uploaded, options));
  } catch (error) {
    if (!signal.aborted) {
      showFailure(wordsFor(error), error.code);
    }
  }
}

function wordsFor(error) {
  if (error instanceof BoothError) {
    return error.message;
  }
  console.error(error); // a defect of this page
  return "Something went wrong. Please try again.";
}

/** Says it, and only if it is new: a screen reader reads every change aloud. */
function say(text) {
  if ($("status").textContent !== text) {
    $("status").textContent = text;
  }
}

function mark(step) {
  const at = STEPS.indexOf(step);
  for (const item of $("steps").children) {
    const index = STEPS.indexOf(item.dataset.step);
    item.className = index < at ? "done" : "";
    item.setAttribute("aria-current", index === at ? "step" : "false");
  }
}

function showPhoto() {
  forgetPhoto();
  $("problem").textContent = "";
  $("work").hidden = false;
  $("again").hidden = true;
  $("restart").classList.remove("primary");
  $("bar").value = 0;
  $("sent").textContent = "";
  $("visit").dataset.state = "working";
  removeTiles(":not(#original)");
  $("photo").src = URL.createObjectURL(photo.blob);
}

function removeTiles(selector) {
  $("pictures").querySelectorAll(`.picture${selector}`).forEach((tile) => tile.remove());
}

function forgetPhoto() {
  URL.revokeObjectURL($("photo").src); // does nothing to other addresses
  $("photo").removeAttribute("src");
  $("original").classList.remove("unseen");
}

function showShape({ target }) {
  const { naturalWidth: width, naturalHeight: height } = target;
  $("original").classList.remove("unseen");
  $("pictures").style.setProperty("--aspect", width / height);
  $("pictures").classList.toggle("wide", width > 1.25 * height);
}

function showSent(share) {
  $("sent").textContent = `${Math.floor(share * 100)} %`;
  $("bar").value = share * UPLOAD_SHARE;
}

function showState(answer) {
  const step = STEP_OF[answer.step];
  if (step) {
    mark(step);
    say(wordsForStep(answer));
  }
  showResults(answer);
}

function wordsForStep({ status, step, pictures }) {
  const done = pictures.filter(({ state }) => state === "DONE").length;
  if (step === "generate") {
    return done ? `Painting: ${done} of ${pictures.length} finished` : `Painting ${pictures.length} pictures`;
  }
  if (status === "QUEUED") {
    return "Waiting for a free place";
  }
  return STEP_OF[step] === "find" ? "Finding faces" : "Cutting out";
}

function showResults({ url_original: original, progress, pictures }) {
  $("bar").value = UPLOAD_SHARE + (1 - UPLOAD_SHARE) * progress;
  if (original && $("original").classList.contains("unseen")) {
    $("photo").src = original;
  }
  const tiles = $("pictures").children; // the first one is the visitor's photo
  pictures.forEach((picture, index) => {
    if (!tiles[index + 1]) {
      $("pictures").append($("picture").content.cloneNode(true));
    }
    showPicture(tiles[index + 1], picture);
  });
}

function showPicture(tile, { scene, url, error }) {
  const title = titleOf(scene);
  tile.querySelector(".scene").textContent = title;
  tile.classList.toggle("failed", Boolean(error));
  tile.querySelector(".note").textContent = error?.message ?? "";
  if (!url || tile.dataset.url) {
    return;
  }
  tile.dataset.url = url;
  const button = tile.querySelector(".enlarge");
  const image = button.querySelector("img");
  image.alt = `New picture: ${title}`;
  image.onload = () => {
    button.hidden = false;
    tile.classList.add("loaded");
  };
  let retries = 0;
  image.onerror = () => {
    retries += 1;
    if (retries <= PICTURE_RETRIES) {
      setTimeout(() => { image.src = url; }, 1000 * retries);
    } else {
      tile.querySelector(".note").textContent = "The connection is too weak to show this picture.";
    }
  };
  image.src = url;
  button.onclick = () => enlarge(url, image.alt, scene);
  const link = tile.querySelector(".download");
  offerDownload(link, url, scene);
  link.setAttribute("aria-label", `Save ${title}`);
  link.hidden = false;
}

function titleOf(scene) {
  const words = scene.replace(/[-_]+/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function offerDownload(link, url, scene) {
  link.href = url;
  link.download = `photo-booth-${scene}.jpg`;
}

function enlarge(url, alt, scene) {
  $("large").src = url;
  $("large").alt = alt;
  offerDownload($("large-download"), url, scene);
  $("viewer").showModal();
}

function showEnd(answer) {
  showResults(answer);
  if (answer.status === "FAILED") {
    showFailure(answer.error.message, answer.error.code);
    return;
  }
  const { pictures } = answer;
  const done = pictures.filter(({ state }) => state === "DONE").length;
  say(done === pictures.length ? "Your pictures are ready" : `${done} of ${pictures.length} pictures are ready`);
  $("work").hidden = true;
  $("visit").dataset.state = "done";
  $("restart").classList.add("primary");
}

function showFailure(message, code) {
  say("That didn't work");
  $("problem").textContent = message;
  $("work").hidden = true;
  removeTiles(":not(#original, .loaded)");
  $("visit").dataset.state = "failed";
  $("again").hidden = FAULTS_OF_THE_PHOTO.includes(code);
  $("restart").classList.toggle("primary", $("again").hidden);
}

$("open-camera").onclick = startCamera;
$("open-camera-app").onclick = () => $("camera-app").click();
$("choose").onclick = () => $("file").click();
$("file").onchange = choose;
$("camera-app").onchange = choose;
$("preview").onloadeddata = () => { $("shoot").disabled = false; };
$("shoot").onclick = shoot;
$("close-camera").onclick = () => restart();
$("again").onclick = visit;
$("restart").onclick = () => restart();
$("photo").onload = showShape;
$("photo").onerror = () => $("original").classList.add("unseen"); // HEIC in most browsers: the booth's copy comes later
$("close-viewer").onclick = () => $("viewer").close();
$("viewer").onclick = ({ target }) => { // beside the picture
  if (target === $("viewer")) {
    $("viewer").close();
  }
};
