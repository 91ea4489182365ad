// The camera: preview, countdown and flash; or a file instead.

import { photoOf } from "../api.js";
import { cameraOf, closeCamera, isCameraPossible, listCameras, openCamera, takePhoto } from "../camera.js";
import { $, show } from "../dom.js";
import { text } from "../text.js";

const FLASH_MS = 150; // the screen lights the faces that long before the picture is taken

/** The screen #camera. */
export class CameraScreen {
  #countdownSeconds;
  #onPhoto;
  #stream = null; // of the open camera
  #shooting = new AbortController(); // ends a countdown

  /**
   * @param {import("./session.js").Session} session
   * @param {{onPhoto: (photo: import("../visit.js").Photo) => void}} options  onPhoto: a photo was taken or chosen
   */
  constructor({ settings }, { onPhoto }) {
    this.#countdownSeconds = settings.countdownSeconds;
    this.#onPhoto = onPhoto;
    $("preview").onloadeddata = () => { $("shoot").disabled = false; };
    $("shoot").onclick = () => this.#shoot();
    $("switch").onclick = () => this.#switch();
    $("retry-camera").onclick = () => this.open();
    $("open-camera-app").onclick = () => $("camera-app").click();
    $("choose-file").onclick = () => $("file").click();
    $("file").onchange = (event) => this.#takeFile(event);
    $("camera-app").onchange = (event) => this.#takeFile(event);
  }

  /**
   * Shows the screen and opens a camera. What goes wrong is said on the screen.
   *
   * @param {string} [deviceId]  which camera; the front camera if none is named
   * @returns {Promise<void>}
   */
  async open(deviceId) {
    show("camera");
    this.close();
    $("shoot").disabled = true;
    $("camera-problem").hidden = true;
    $("countdown").textContent = "";
    if (!isCameraPossible) {
      this.#fail("camera.none");
      return;
    }
    let opened;
    try {
      opened = await openCamera(deviceId);
    } catch (error) {
      this.#fail(error.name === "NotAllowedError" ? "camera.denied" : "camera.none");
      return;
    }
    if (document.body.dataset.screen !== "camera" || this.#stream) { // the visitor went on meanwhile
      closeCamera(opened);
      return;
    }
    this.#stream = opened;
    opened.getVideoTracks()[0].onended = () => this.#fail("camera.none");
    $("preview").classList.toggle("mirror", cameraOf(opened).isFront);
    $("preview").srcObject = opened;
    $("switch").hidden = (await listCameras()).length < 2;
  }

  /**
   * Ends a countdown and switches the camera off.
   *
   * @returns {void}
   */
  close() {
    this.#shooting.abort();
    if (this.#stream) {
      closeCamera(this.#stream);
      this.#stream = null;
    }
    $("preview").srcObject = null;
  }

  /** Says what is wrong; `problem` is the key of a text. */
  #fail(problem) {
    this.close();
    $("shoot").disabled = true;
    $("camera-note").textContent = text(problem);
    $("camera-problem").hidden = false;
  }

  async #switch() {
    const ids = await listCameras();
    this.open(ids[(ids.indexOf(cameraOf(this.#stream).deviceId) + 1) % ids.length]);
  }

  async #shoot() {
    $("shoot").disabled = true;
    this.#shooting = new AbortController();
    const { signal } = this.#shooting;
    for (let left = this.#countdownSeconds; left > 0; left -= 1) {
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
        this.#take({ blob, contentType: "image/jpeg" });
      }
    } catch {
      this.#fail("camera.none");
    } finally {
      $("flash").classList.remove("on");
    }
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
      this.#fail(`error.${error.code}`);
    }
  }

  #take(photo) {
    this.close();
    this.#onPhoto(photo);
  }
}

function sleep(milliseconds) {
  return new Promise((resolve) => { setTimeout(resolve, milliseconds); });
}
