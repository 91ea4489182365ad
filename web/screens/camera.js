// The camera: preview, countdown and flash; or a file instead.

import { wakeBooth } from "../api.js";
import { beep, cameraOf, closeCamera, isCameraPossible, listCameras, openCamera, takePhoto } from "../camera.js";
import { after, sleep } from "../clock.js";
import { $, show } from "../dom.js";
import { photoOf } from "../photo.js";
import { text } from "../text.js";

const START_MS = 8000; // until the first frame; then the visitor hears of it, but the camera may still come
const MUTED_MS = 3000; // a camera without frames for longer is opened anew
const FLASH_MS = 150; // the screen lights the faces that long before the picture is taken

const BEEP_HZ = 880; // each second
const SHUTTER_HZ = 1320;

export class CameraScreen {
  #settings;
  #onPhoto;
  #stream = null; // of the open camera
  #deviceId; // of the camera that is shown or wanted; undefined: the front camera
  #isFront = true;
  #cameras = []; // ids
  #isWanted = false; // not once it has given way to words about a file
  #opening = 0; // counts: what an earlier opening still brings is too late
  #cancelLate = () => {};
  #shooting = null; // an AbortController while a picture is being taken

  constructor({ settings }, { onPhoto }) {
    this.#settings = settings;
    $("camera").dataset.at = settings.cameraAt;
    this.#onPhoto = onPhoto;
    $("preview").onloadeddata = () => this.#show();
    $("shoot").onclick = () => this.#shoot();
    $("switch").onclick = () => this.#switch();
    $("retry-camera").onclick = () => this.open(this.#deviceId);
    $("open-camera-app").onclick = () => $("camera-app").click();
    $("choose-file").onclick = () => $("file").click();
    $("file").onchange = (event) => this.#takeFile(event);
    $("camera-app").onchange = (event) => this.#takeFile(event);
    // A camera that the lock screen, another app or sleep has stopped may stand still without saying so.
    document.addEventListener("visibilitychange", () => this.#reopen());
    document.addEventListener("woke", () => this.#reopen());
  }

  /** Shows the screen and opens a camera, the front one if none is named. What goes wrong is said on the screen. */
  async open(deviceId) {
    show("camera");
    wakeBooth();
    this.close();
    this.#isWanted = true;
    await this.#start(deviceId);
  }

  async #start(deviceId) {
    this.#stop();
    this.#deviceId = deviceId;
    const opening = this.#opening;
    $("shoot").disabled = true;
    if (!isCameraPossible) {
      this.#fail("camera.none");
      return;
    }
    this.#say("camera.starting", false); // and a second tap on #switch does nothing
    this.#cancelLate = after(START_MS, () => this.#say("camera.late"));
    let opened;
    try {
      opened = await openCamera(deviceId);
    } catch (error) {
      if (opening === this.#opening) {
        this.#fail(error.name === "NotAllowedError" ? "camera.denied" : "camera.none");
      }
      return;
    }
    if (opening !== this.#opening) { // the visitor went on meanwhile
      closeCamera(opened);
      return;
    }
    this.#use(opened);
    const cameras = await listCameras().catch(() => []);
    if (opening === this.#opening) {
      this.#cameras = cameras;
      $("switch").hidden = cameras.length < 2;
    }
  }

  /** Ends a countdown and switches the camera off. */
  close() {
    this.#shooting?.abort();
    this.#shooting = null;
    document.body.classList.remove("counting");
    $("flash").classList.remove("on");
    this.#stop();
  }

  #stop() {
    this.#opening += 1;
    this.#cancelLate();
    if (this.#stream) {
      closeCamera(this.#stream);
      this.#stream = null;
    }
    $("preview").srcObject = null;
  }

  #use(stream) {
    this.#stream = stream;
    const { deviceId, isFront } = cameraOf(stream);
    this.#deviceId = deviceId;
    this.#isFront = isFront;
    const [track] = stream.getVideoTracks();
    track.onended = () => stream === this.#stream && this.#fail("camera.none");
    track.onmute = () => after(MUTED_MS, () => track.muted && stream === this.#stream && this.#reopen());
    $("preview").classList.toggle("mirror", isFront);
    $("preview").srcObject = stream;
    $("preview").play().catch(() => {}); // then the first frame doesn't come, and START_MS ends
  }

  /** The camera's first frame has come. */
  #show() {
    this.#cancelLate();
    $("camera-problem").hidden = true;
    this.#offerFile("camera-pair");
    $("shoot").disabled = Boolean(this.#shooting);
    $("switch").disabled = false;
  }

  /** A picture that is being taken is taken all the same, once the camera is back. */
  #reopen() {
    if (document.body.dataset.screen !== "camera" || !this.#isWanted) {
      return;
    }
    if (document.hidden) {
      this.close();
    } else {
      this.#start(this.#deviceId);
    }
  }

  /** Says how the camera stands; `note` is the key of a text. */
  #say(note, isProblem = true) {
    const { file } = this.#settings;
    $("camera-note").textContent = isProblem && file ? `${text(note)} ${text("camera.orFile")}` : text(note);
    $("camera-ways").hidden = $("switch").disabled = !isProblem;
    $("open-camera-app").hidden = !file; // it may show files as well
    this.#offerFile(isProblem ? "camera-ways" : "camera-pair");
    $("camera-problem").hidden = false;
  }

  /** Puts the button that chooses a file where it is of use. */
  #offerFile(place) {
    $("choose-file").hidden = !this.#settings.file;
    if ($("choose-file").parentElement.id !== place) {
      $(place).prepend($("choose-file"));
    }
  }

  /** Says what is wrong; `problem` is the key of a text. */
  #fail(problem) {
    this.close();
    $("shoot").disabled = true;
    this.#say(problem);
  }

  #switch() {
    const ids = this.#cameras;
    this.open(ids[(ids.indexOf(this.#deviceId) + 1) % ids.length]);
  }

  async #shoot() {
    $("shoot").disabled = true;
    this.#shooting = new AbortController();
    const { signal } = this.#shooting;
    const { countdownSeconds, sound } = this.#settings;
    $("look").classList.toggle("back", !this.#isFront);
    for (let left = countdownSeconds; left > 0; left -= 1) {
      $("countdown").textContent = left;
      document.body.classList.add("counting");
      if (sound) {
        beep(BEEP_HZ);
      }
      await sleep(1000);
      if (signal.aborted) {
        return;
      }
    }
    $("countdown").textContent = "";
    if (sound) {
      beep(SHUTTER_HZ);
    }
    do { // the camera may be opened anew at any time
      await frameOf($("preview"), signal);
      if (signal.aborted) {
        return;
      }
      $("flash").classList.add("on");
      await sleep(FLASH_MS);
      if (signal.aborted) {
        return;
      }
    } while (!hasFrame($("preview")));
    let blob;
    try {
      blob = takePhoto($("preview"));
    } catch {
      this.#fail("camera.none");
      return;
    }
    this.#take({ blob, contentType: "image/jpeg" });
  }

  async #takeFile(event) {
    const [file] = event.target.files;
    event.target.value = ""; // so that choosing the same file again is a change, too
    if (!file) {
      return;
    }
    try {
      const photo = await photoOf(file);
      if (document.body.dataset.screen === "camera") { // the visitor may have gone on meanwhile
        this.#take(photo);
      }
    } catch (error) {
      this.#isWanted = false;
      this.#fail(`error.${error.code}`);
    }
  }

  #take(photo) {
    this.close();
    this.#onPhoto(photo);
  }
}

const hasFrame = (video) => video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;

/** Waits for a frame, or for the signal. */
function frameOf(video, signal) {
  return new Promise((resolve) => {
    video.addEventListener("loadeddata", resolve, { once: true, signal });
    signal.addEventListener("abort", resolve, { once: true });
    if (hasFrame(video)) {
      resolve();
    }
  });
}
