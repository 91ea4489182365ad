// The camera of the device.

import { within } from "./clock.js";
import { jpegOf } from "./pictures.js";

const ANSWER_MS = 5000; // of what takes no time on most devices and never comes on some
const MAX_SIDE = 2048; // pixels; more than the image model uses
const QUALITY = 0.92;

/** @type {boolean} whether this page may use a camera: browsers allow it on https and localhost only */
export const isCameraPossible = Boolean(navigator.mediaDevices?.getUserMedia);

/**
 * Opens a camera.
 *
 * @param {string} [deviceId]  the front camera if none is named
 * @returns {Promise<MediaStream>}
 * @throws {DOMException} as getUserMedia: NotAllowedError (no permission), NotFoundError (no camera), NotReadableError
 *     (in use), OverconstrainedError (no camera has this id)
 */
export function openCamera(deviceId) {
  const which = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: "user" };
  const video = { ...which, width: { ideal: MAX_SIDE }, height: { ideal: 1536 } };
  return navigator.mediaDevices.getUserMedia({ video, audio: false });
}

/**
 * Switches the camera off.
 *
 * @param {MediaStream} stream
 */
export function closeCamera(stream) {
  stream.getTracks().forEach((track) => track.stop());
}

/**
 * The ids of the device's cameras; browsers tell them once one has been opened.
 *
 * @returns {Promise<string[]>}
 * @throws {DOMException} as enumerateDevices; TimeoutError
 */
export async function listCameras() {
  const devices = await within(ANSWER_MS, navigator.mediaDevices.enumerateDevices());
  return devices.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId).map(({ deviceId }) => deviceId);
}

/**
 * The camera that a stream comes from; one without a facing mode (a webcam) counts as a front camera.
 *
 * @param {MediaStream} stream
 * @returns {{deviceId: string, isFront: boolean}}
 */
export function cameraOf(stream) {
  const { deviceId, facingMode } = stream.getVideoTracks()[0].getSettings();
  return { deviceId, isFront: facingMode !== "environment" };
}

/**
 * The frame that the video shows now, as a JPEG of at most 2048 pixels on its long side, not mirrored.
 *
 * @param {HTMLVideoElement} video
 * @returns {Blob}
 * @throws {Error} if the video shows no frame, or the browser can't encode it
 */
export function takePhoto(video) {
  const scale = Math.min(1, MAX_SIDE / Math.max(video.videoWidth, video.videoHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return jpegOf(canvas, QUALITY);
}
