// The booth's API over HTTP. What fails for a moment is tried again here; everything else is thrown as BoothError.

import { after } from "./clock.js";
import { BoothError, bytesOf } from "./photo.js";
import { store, stored } from "./storage.js";

const TIMEOUT_MS = 30_000; // for an answer, or for the next progress event of an upload
const MAX_PAUSE_MS = 10_000;
const MAX_RETRY_AFTER_S = 120; // a longer Retry-After is an error at once: nobody waits that long in front of a pad
const EXPIRED = /Request has expired|<Code>ExpiredToken/; // S3's answer to an old URL, or to one of old credentials
const TOKEN = "booth-token"; // in the pad's local storage
const PAUSED_S = 30; // until a booth that is paused is asked again
const AWAKE_MS = 240_000; // less than the five minutes for which the booth is awake

let told; // {time, at}: what the booth said the time was, and when that was by performance.now()

/** The time by the booth's clock, in milliseconds since 1970; NaN before its first answer. This device's may be set. */
export function boothTime() {
  return told ? told.time + performance.now() - told.at : NaN;
}

/** The call failed for a moment and is tried again. `trouble` is "lost" (no connection), "busy", or "paused" by the staff. */
class TransientError extends Error {
  constructor(trouble, seconds = 0, pause = null) {
    super(trouble);
    this.trouble = trouble;
    this.seconds = seconds; // how long the booth asks us to wait
    this.pause = pause; // {reason, until} of a paused booth
  }
}

// Options of a call: `signal` ends it, which rejects with its reason; `onTrouble` is called before each pause with what a
// TransientError has, `trouble` and `pause`; after `attempts` (without end by default) it rejects with BoothError "Offline".

/** Stores the booth token on this device (local storage). */
export function keepToken(token) {
  store("localStorage", TOKEN, token);
}

/** Whether the booth takes this token; asked with a request that can't upload anything. Throws BoothError Offline. */
export async function isTokenGood(token) {
  try {
    return (await call("POST", "/upload", {}, { token })).status !== 401;
  } catch (error) {
    if (error.trouble === "paused") { // the booth looks at the token first
      return true;
    }
    throw new BoothError("Offline");
  }
}

let awakeSince = -Infinity; // by performance.now()

/**
 * Tells the booth that a photo is coming, some seconds ahead: AWS starts meanwhile what the first photo after a quiet
 * spell would wait for. It is a request that can't upload anything; what comes of it is nobody's concern.
 */
export function wakeBooth() {
  const now = performance.now();
  if (now - awakeSince >= AWAKE_MS) {
    awakeSince = now;
    call("POST", "/upload?wake", {}, { token: stored("localStorage", TOKEN) }).catch(() => {}); // named for the CDN's log
  }
}

/** The catalogue (GET /scenes): {scenes, default}; `default`: ids for those who choose nothing. Retries without end. */
export async function listScenes(options) {
  return bodyOf(await withRetries(() => call("GET", "/scenes", undefined, options), options));
}

/**
 * Asks for a presigned URL (POST /upload): {bucket, key, url, until}; `until`: milliseconds since 1970. Throws
 * BoothError, BoothTokenNeeded if this device has no token that the booth takes.
 */
export async function issueUpload({ contentType, scenes, keep, consent, keeps }, options) {
  // A name of our own: the visitor's file name is nobody's business, and a Key made of it could be guessed.
  const filename = `${uuid()}.${contentType.split("/")[1]}`;
  const request = { type: "photo", filename, contentType, scenes, keep: keep || undefined, consent, again: Boolean(keeps) };
  const asked = Date.now();
  awakeSince = performance.now();
  const answer = await post("/upload", request, options);
  return { bucket: answer.Bucket, key: answer.Key, url: answer.UploadURL, until: asked + answer.Expires * 1000 };
}

/** What the booth answers to a request with its token. Throws BoothError. */
export async function post(path, request, options) {
  const token = stored("localStorage", TOKEN);
  return bodyOf(await withRetries(() => call("POST", path, request, { ...options, token }), options));
}

/**
 * PUTs the photo; `onSent`: 0..1 of the bytes. Retries until the URL has expired, then gives false. Throws BoothError
 * Unknown (S3 refuses it), UnreadablePhoto (nothing to send).
 */
export async function putPhoto({ url, until }, blob, contentType, options) {
  const bytes = await bytesOf(blob);
  return withRetries(async () => {
    if (Date.now() > until) {
      return false;
    }
    const { status, answer } = await put(url, bytes, contentType, options);
    if (status !== 200 && Date.now() <= until && !EXPIRED.test(answer)) { // this device's clock may have been set
      throw new BoothError("Unknown");
    }
    return status === 200;
  }, options);
}

/**
 * How a visit stands (POST /photo): {isEnded, answer, seconds}; `seconds`: Retry-After, 0 without one. `wait`: seconds
 * of long polling; the token goes along only with a key. Throws BoothError NotFound, Deleted, ...
 */
export async function askPhoto(request, options) {
  const reply = await callPhoto("POST", request, options);
  return { isEnded: reply.status === 200, answer: bodyOf(reply), seconds: reply.seconds };
}

/** Deletes a visit everywhere (DELETE /photo); one that the booth doesn't know counts as deleted. Throws BoothError. */
export async function deletePhoto(request, options) {
  const reply = await callPhoto("DELETE", request, options);
  if (reply.status !== 404) {
    bodyOf(reply);
  }
}

/** Takes a picture off the event's wall (DELETE /wall/pictures). Throws BoothError. */
export async function takeOffWall(request, options) {
  bodyOf(await withRetries(() => call("DELETE", "/wall/pictures", request, options), options));
}

function callPhoto(method, request, options) {
  const token = request.key && stored("localStorage", TOKEN); // a requestId alone is the visitor's own right
  return withRetries(() => call(method, "/photo", request, { ...options, token }), options);
}

/** A random UUID (version 4); crypto.randomUUID exists on https and localhost only. */
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

/** Waits `milliseconds`, or until the connection comes back. Throws the signal's reason when it is aborted. */
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
  const answer = unwrapped(body);
  if (status >= 400) {
    throw new BoothError(answer.error?.code ?? "Unknown", answer.error?.message);
  }
  return answer;
}

/** What is in the envelope of /upload, JSON text inside JSON; any other body as it is. */
function unwrapped(body) {
  return "body" in body ? JSON.parse(body.body) : body;
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
    const time = Date.parse(response.headers.get("Date"));
    if (time && method !== "GET") { // the answer to a GET may come from a cache
      told = { time, at: performance.now() };
    }
    const seconds = Number(response.headers.get("Retry-After")) || 0;
    const body = response.json(); // fails if it is no JSON: cut off, or a captive portal's answer
    if (isTransient(status)) {
      const { error } = unwrapped(await body.catch(() => ({})));
      if (error?.code === "Paused") {
        throw new TransientError("paused", PAUSED_S, { reason: { en: error.message, ...error.reason }, until: error.until });
      }
      if (seconds <= MAX_RETRY_AFTER_S) {
        throw new TransientError("busy", seconds);
      }
    }
    return { status, body: await body, seconds };
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

/** PUTs the photo; gives {status, answer}. XMLHttpRequest, because fetch does not tell how much has been sent. */
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
        resolve({ status: request.status, answer: request.responseText });
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
      onTrouble(error.trouble, error.pause);
      const longest = Math.min(1000 * 2 ** (attempt - 1), MAX_PAUSE_MS);
      const jittered = longest * (0.5 + Math.random() / 2); // jitter: so that many booths don't come back at once
      await pause(Math.max(error.seconds * 1000, jittered), signal);
    }
  }
}
