// The camera of the device.

import { within } from "./clock.js";
import { jpegOf } from "./photo.js";

const ANSWER_MS = 5000; // of what takes no time on most devices and never comes on some
const MAX_SIDE = 2048; // pixels; more than the image model uses
const QUALITY = 0.92;
const LATE_MS = 300;
const BEEP_SECONDS = 0.15;
const VOLUME = 0.25;

/** Whether this page may use a camera: browsers allow it on https and localhost only */
export const isCameraPossible = Boolean(navigator.mediaDevices?.getUserMedia);

/** Opens this camera, the front one if none is named. Throws as getUserMedia: NotAllowedError, NotFoundError, ... */
export function openCamera(deviceId) {
  const which = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: "user" };
  const video = { ...which, width: { ideal: MAX_SIDE }, height: { ideal: 1536 } };
  return navigator.mediaDevices.getUserMedia({ video, audio: false });
}

export function closeCamera(stream) {
  stream.getTracks().forEach((track) => track.stop());
}

/** The cameras' ids; browsers tell them once one has been opened. Throws as enumerateDevices, TimeoutError. */
export async function listCameras() {
  const devices = await within(ANSWER_MS, navigator.mediaDevices.enumerateDevices());
  return devices.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId).map(({ deviceId }) => deviceId);
}

/** A stream's {deviceId, isFront}; one without a facing mode (a webcam) counts as a front camera. */
export function cameraOf(stream) {
  const { deviceId, facingMode } = stream.getVideoTracks()[0].getSettings();
  return { deviceId, isFront: facingMode !== "environment" };
}

let audio; // one for all beeps

/** Sounds a tone, if the device lets it now: later it would be too late. */
export async function beep(hertz) {
  try {
    audio ??= new AudioContext();
    await within(LATE_MS, audio.resume());
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    const end = audio.currentTime + BEEP_SECONDS;
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(VOLUME, audio.currentTime);
    volume.gain.exponentialRampToValueAtTime(0.001, end); // or it clicks
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(end);
  } catch { // the picture is taken all the same
  }
}

/** What the video shows, not mirrored, as a JPEG Blob of at most 2048 pixels a side. Throws Error if there is none. */
export function takePhoto(video) {
  const scale = Math.min(1, MAX_SIDE / Math.max(video.videoWidth, video.videoHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return jpegOf(canvas, QUALITY);
}
