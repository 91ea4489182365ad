// The booth's API over HTTP. What fails for a moment is tried again here; everything else is thrown as BoothError.

import { after, within } from "./clock.js";

const HEAD_BYTES = 256; // of a file, which tell its type
const HEVC = ["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"]; // brands, as in pixels/intake.py
const ANY_CODEC = ["mif1", "mif2", "msf1"];
const AV1 = ["avif", "avis"];
const MAX_BYTES = 32 * 1024 * 1024; // the booth refuses more, but only after the whole upload
const READ_MS = 60_000; // for a file that may lie in a cloud
const TIMEOUT_MS = 30_000; // for an answer, or for the next progress event of an upload
const MAX_PAUSE_MS = 10_000;
const MAX_RETRY_AFTER_S = 120; // a longer Retry-After is an error at once: nobody waits that long in front of a pad
const TOKEN = "booth-token"; // in the pad's local storage

/** A failure that is not tried again. */
export class BoothError extends Error {
  /**
   * @param {string} code  the API's (docs/api.md), or one of this page's own: "Offline", "Unknown"
   * @param {string} [message]  what the API says about it, in English
   */
  constructor(code, message = "") {
    super(message);
    this.code = code;
  }
}

/** The call failed for a moment and is tried again. `trouble` is "lost" (no connection) or "busy". */
class TransientError extends Error {
  constructor(trouble, seconds = 0) {
    super(trouble);
    this.trouble = trouble;
    this.seconds = seconds; // how long the booth asks us to wait
  }
}

/**
 * How a call is made.
 *   signal     ends it: the call rejects with the signal's reason
 *   onTrouble  called before each pause with "lost" (no connection) or "busy"
 *   attempts   after so many it rejects with BoothError "Offline"; without end by default
 *
 * @typedef {{signal: AbortSignal, onTrouble?: (trouble: string) => void, attempts?: number}} CallOptions
 */

/**
 * A scene; `title` is by language, `color` a CSS colour, `thumbnail` an address beside the page.
 *
 * @typedef {{id: string, title: Object<string, string>, color: string, thumbnail: string}} Scene
 */

/**
 * The catalogue; `default` are the ids of the scenes that are painted for those who choose nothing.
 *
 * @typedef {{scenes: Scene[], default: string[]}} Catalogue
 */

/**
 * A photo's bytes.
 *
 * @param {Blob} blob
 * @returns {Promise<ArrayBuffer>}
 * @throws {BoothError} UnreadablePhoto, if the device doesn't give them, or only some or none
 */
export async function bytesOf(blob) {
  const bytes = await within(READ_MS, blob.arrayBuffer()).catch(() => undefined);
  if (!bytes?.byteLength || bytes.byteLength !== blob.size) {
    throw new BoothError("UnreadablePhoto");
  }
  return bytes;
}

/**
 * A chosen file as a photo: a copy, because the file may change or vanish before it has been sent.
 *
 * @param {File} file
 * @returns {Promise<import("./visit.js").Photo>}
 * @throws {BoothError} as contentTypeOf
 */
export async function photoOf(file) {
  await contentTypeOf(file);
  const blob = new Blob([await bytesOf(file)]);
  return { blob, contentType: await contentTypeOf(blob) };
}

/**
 * The content type of a chosen file, by its first bytes: what the name and the browser say of it is often wrong.
 *
 * @param {Blob} file
 * @returns {Promise<string>}
 * @throws {BoothError} UnsupportedPhoto, PhotoTooLarge (more than 32 MiB), UnreadablePhoto (the device doesn't give it)
 */
export async function contentTypeOf(file) {
  let head;
  try {
    head = String.fromCharCode(...new Uint8Array(await within(READ_MS, file.slice(0, HEAD_BYTES).arrayBuffer())));
  } catch {
    throw new BoothError("UnreadablePhoto");
  }
  const type = typeOf(head);
  if (!type) {
    throw new BoothError("UnsupportedPhoto");
  }
  if (file.size > MAX_BYTES) {
    throw new BoothError("PhotoTooLarge");
  }
  return type;
}

/** The content type by the first bytes, one character each; "" for none that the booth takes. */
function typeOf(head) {
  if (head.startsWith("\xff\xd8\xff")) {
    return "image/jpeg";
  }
  if (head.startsWith("\x89PNG\r\n\x1a\n")) {
    return "image/png";
  }
  if (head.startsWith("RIFF") && head.slice(8, 12) === "WEBP") {
    return "image/webp";
  }
  return isHeic(head) ? "image/heic" : "";
}

function isHeic(head) {
  if (head.slice(4, 8) !== "ftyp") {
    return false;
  }
  const end = head.charCodeAt(2) * 256 + head.charCodeAt(3); // of the box; longer ones are cut off
  const brands = [head.slice(8, 12), ...(head.slice(16, end).match(/.{4}/gs) ?? [])];
  const hasOneOf = (known) => brands.some((brand) => known.includes(brand));
  return hasOneOf(HEVC) || (hasOneOf(ANY_CODEC) && !hasOneOf(AV1));
}

/**
 * Stores the booth token on this device (local storage).
 *
 * @param {string} token
 */
export function keepToken(token) {
  localStorage.setItem(TOKEN, token);
}

/**
 * Whether the booth takes this token. It is asked once, with a request that can't upload anything.
 *
 * @param {string} token
 * @returns {Promise<boolean>}
 * @throws {BoothError} Offline
 */
export async function isTokenGood(token) {
  try {
    return (await call("POST", "/upload", {}, { token })).status !== 401;
  } catch {
    throw new BoothError("Offline");
  }
}

/**
 * The catalogue (GET /scenes). Retries without end.
 *
 * @param {CallOptions} options
 * @returns {Promise<Catalogue>}
 * @throws {BoothError}
 */
export async function listScenes(options) {
  return bodyOf(await withRetries(() => call("GET", "/scenes", undefined, options), options));
}

/**
 * Asks for a presigned URL for a photo (POST /upload). Retries as `options` say.
 *
 * @param {{contentType: string, scenes: string[], consent: object}} photo
 * @param {CallOptions} options
 * @returns {Promise<{bucket: string, key: string, url: string, until: number}>}  until: when the URL expires, in
 *     milliseconds since 1970
 * @throws {BoothError}  BoothTokenNeeded, if this device has no token that the booth takes
 */
export async function issueUpload({ contentType, scenes, consent }, options) {
  // A name of our own: the visitor's file name is nobody's business, and a Key made of it could be guessed.
  const filename = `${uuid()}.${contentType.split("/")[1]}`;
  const request = { type: "photo", filename, contentType, scenes, consent };
  const asked = Date.now();
  const token = localStorage.getItem(TOKEN);
  const answer = bodyOf(await withRetries(() => call("POST", "/upload", request, { ...options, token }), options));
  return { bucket: answer.Bucket, key: answer.Key, url: answer.UploadURL, until: asked + answer.Expires * 1000 };
}

/**
 * PUTs the photo to its presigned URL. Retries until that has expired.
 *
 * @param {{url: string, until: number}} uploaded  as issueUpload gives it
 * @param {Blob} blob
 * @param {string} contentType
 * @param {CallOptions & {onSent: (share: number) => void}} options  share: 0..1 of the bytes
 * @returns {Promise<boolean>}  false if the URL has expired
 * @throws {BoothError} Unknown, if S3 refuses the photo; UnreadablePhoto, if there are no bytes to send
 */
export async function putPhoto({ url, until }, blob, contentType, options) {
  const bytes = await bytesOf(blob);
  return withRetries(async () => {
    if (Date.now() > until) {
      return false;
    }
    const status = await put(url, bytes, contentType, options);
    if (status !== 200 && Date.now() <= until) {
      throw new BoothError("Unknown");
    }
    return status === 200;
  }, options);
}

/**
 * How a visit stands (POST /photo). Retries as `options` say.
 *
 * @param {{requestId: string, bucket?: string, key?: string, wait?: number, progress?: number}} request  wait: seconds
 *     of long polling; the token goes along only with a key
 * @param {CallOptions} options
 * @returns {Promise<{isEnded: boolean, answer: object, seconds: number}>}  answer: see docs/api.md; seconds:
 *     Retry-After, 0 without one
 * @throws {BoothError}  NotFound, Deleted, ...
 */
export async function askPhoto(request, options) {
  const reply = await callPhoto("POST", request, options);
  return { isEnded: reply.status === 200, answer: bodyOf(reply), seconds: reply.seconds };
}

/**
 * Deletes a visit everywhere (DELETE /photo); one that the booth doesn't know (404) counts as deleted. Retries as
 * `options` say.
 *
 * @param {{requestId: string, bucket?: string, key?: string}} request
 * @param {CallOptions} options
 * @returns {Promise<void>}
 * @throws {BoothError}
 */
export async function deletePhoto(request, options) {
  const reply = await callPhoto("DELETE", request, options);
  if (reply.status !== 404) {
    bodyOf(reply);
  }
}

function callPhoto(method, request, options) {
  const token = request.key && localStorage.getItem(TOKEN); // a requestId alone is the visitor's own right
  return withRetries(() => call(method, "/photo", request, { ...options, token }), options);
}

/**
 * A random UUID (version 4); crypto.randomUUID exists on https and localhost only.
 *
 * @returns {string}
 */
export function uuid() {
  if (crypto.randomUUID) {
    return crypto.randomUUID();
  }
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/**
 * Waits; ends early when the connection comes back.
 *
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 * @throws the signal's reason, when it is aborted
 */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const end = () => {
      cancel();
      removeEventListener("online", end);
      signal.removeEventListener("abort", end);
      if (signal.aborted) {
        reject(signal.reason);
      } else {
        resolve();
      }
    };
    const cancel = after(milliseconds, end);
    addEventListener("online", end);
    signal.addEventListener("abort", end);
  });
}

/** The parsed body of a reply. Throws BoothError if it is an error (4xx, 5xx). */
function bodyOf({ status, body }) {
  const answer = "body" in body ? JSON.parse(body.body) : body; // the envelope of /upload: JSON text inside JSON
  if (status >= 400) {
    throw new BoothError(answer.error?.code ?? "Unknown", answer.error?.message);
  }
  return answer;
}

/** One call; gives {status, body, seconds}, `seconds` that the booth asks us to wait. Throws TransientError. */
async function call(method, path, value, { signal, token } = {}) {
  const headers = value ? { "Content-Type": "application/json" } : {};
  if (token) {
    headers.Authorization = `Bearer ${token}`;
  }
  const own = new AbortController(); // AbortSignal.any would shut out older iPads
  const stop = () => own.abort();
  const cancel = after(TIMEOUT_MS, stop);
  signal?.addEventListener("abort", stop);
  try {
    const response = await fetch(path, { method, headers, body: JSON.stringify(value), signal: own.signal });
    const { status } = response;
    const seconds = Number(response.headers.get("Retry-After")) || 0;
    if (isTransient(status) && seconds <= MAX_RETRY_AFTER_S) {
      throw new TransientError("busy", seconds);
    }
    const body = await response.json().catch((error) => {
      if (status < 400) {
        throw error; // cut off, or a captive portal that answers in the booth's place
      }
      return {};
    });
    return { status, body, seconds };
  } catch (error) {
    throw error instanceof TransientError ? error : new TransientError("lost");
  } finally {
    cancel();
    signal?.removeEventListener("abort", stop);
  }
}

function isTransient(status) {
  return status === 408 || status === 429 || status >= 500;
}

/** PUTs the photo; gives the HTTP status. XMLHttpRequest, because fetch does not tell how much has been sent. */
function put(url, bytes, contentType, { signal, onSent }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    let cancel = after(TIMEOUT_MS, stop);
    request.upload.onprogress = ({ loaded, total }) => {
      cancel();
      cancel = after(TIMEOUT_MS, stop);
      onSent(loaded / total);
    };
    request.onloadend = () => { // after success, failure and abort alike; status is 0 without an answer
      cancel();
      signal.removeEventListener("abort", stop);
      if (request.status === 0) {
        reject(new TransientError("lost"));
      } else if (isTransient(request.status)) {
        reject(new TransientError("busy"));
      } else {
        resolve(request.status);
      }
    };
    signal.addEventListener("abort", stop);
    request.open("PUT", url);
    request.setRequestHeader("Content-Type", contentType);
    request.send(bytes);
  });
}

/** Runs `action` until it doesn't throw TransientError: exponential backoff with jitter. Throws what else ended it. */
async function withRetries(action, { signal, attempts = Infinity, onTrouble = () => {} }) {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      return await action();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TransientError)) {
        throw error;
      }
      if (attempt >= attempts) {
        throw new BoothError("Offline");
      }
      onTrouble(error.trouble);
      const longest = Math.min(1000 * 2 ** (attempt - 1), MAX_PAUSE_MS);
      const jittered = longest * (0.5 + Math.random() / 2); // jitter: so that many booths don't come back at once
      await pause(Math.max(error.seconds * 1000, jittered), signal);
    }
  }
}
