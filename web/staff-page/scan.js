// The camera as a reader of QR codes: the browser's own, else a vendored one that is loaded when it is needed.

import { closeCamera, isCameraPossible } from "../camera.js";
import { sleep, within } from "../clock.js";

const LOAD_MS = 30_000;
const START_MS = 20_000; // somebody may have to be asked first
const DETECT_MS = 5000;
const LOOK_MS = 200;
const LONGEST_MS = 90_000; // then the camera is let go
const SIDE = 960; // pixels of what is looked at

/** Shows the camera behind the device in `video` and gives the first code's text, null when `signal` ends it or it takes
 * too long. Throws Error "none" (no camera, or it never starts), "denied", "load" (the reader can't be loaded). */
export async function scan(video, signal) {
  const detector = await readerOf();
  const stream = await open();
  try {
    video.srcObject = stream;
    await within(START_MS, video.play());
    return await look(video, detector, signal);
  } catch {
    throw new Error("none");
  } finally {
    closeCamera(stream);
    video.srcObject = null;
  }
}

async function open() {
  if (!isCameraPossible) {
    throw new Error("none");
  }
  const video = { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 960 } };
  const opening = navigator.mediaDevices.getUserMedia({ video, audio: false });
  try {
    return await within(START_MS, opening);
  } catch ({ name }) {
    opening.then(closeCamera, () => {}); // one that comes too late
    throw new Error(name === "NotAllowedError" ? "denied" : "none");
  }
}

async function look(video, detector, signal) {
  const end = performance.now() + LONGEST_MS;
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  while (!signal.aborted && performance.now() < end) {
    const scale = Math.min(1, SIDE / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.max(1, Math.round(video.videoWidth * scale));
    canvas.height = Math.max(1, Math.round(video.videoHeight * scale));
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const [code] = await within(DETECT_MS, detector.detect(canvas)).catch(() => []);
    if (code && !signal.aborted) {
      return code.rawValue;
    }
    await sleep(LOOK_MS);
  }
  return null;
}

async function readerOf() {
  const own = globalThis.BarcodeDetector;
  const formats = await within(DETECT_MS, own?.getSupportedFormats() ?? Promise.resolve([])).catch(() => []);
  const Reader = formats.includes("qr_code") ? own : await vendored();
  return new Reader({ formats: ["qr_code"] });
}

async function vendored() {
  try {
    return (await within(LOAD_MS, import("../vendor/qr/decode.js"))).BarcodeDetector;
  } catch {
    throw new Error("load");
  }
}
