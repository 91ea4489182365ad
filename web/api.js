// The booth's API: POST /upload, PUT to the address it gives, then POST /photo until the run has ended.

const CONTENT_TYPES = {
  jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png", webp: "image/webp", heic: "image/heic", heif: "image/heif",
};
const MAX_BYTES = 32 * 1024 * 1024; // the booth refuses more, but only after the whole upload
const WAIT_SECONDS = 10; // how long the booth may hold an answer until something changes
const SILENCE_MS = 30_000; // a call or an upload that stands still this long counts as broken
const SEND_ATTEMPTS = 4;
const MAX_PAUSE_MS = 10_000;
const MIN_POLL_MS = 250;

const CANT_REACH = "The booth can't be reached. Please check the connection and try again.";
const WENT_WRONG = "Something went wrong on our side. Please try again.";

/** A failure in words for a visitor (`message`); `code` is the API's, or empty. */
export class BoothError extends Error {
  constructor(message, code = "") {
    super(message);
    this.code = code;
  }
}

/** The call failed in a way that may pass: no connection, too many calls, a server's fault. */
class Unreachable extends BoothError {
  constructor() {
    super(CANT_REACH);
  }
}

/** Content type of a chosen file. Some browsers leave `type` empty for HEIC. Throws BoothError if it is no photo. */
export function contentTypeOf(file) {
  const extension = file.name.split(".").pop().toLowerCase();
  const type = Object.values(CONTENT_TYPES).includes(file.type) ? file.type : CONTENT_TYPES[extension];
  if (!type) {
    throw new BoothError("This file is not a photo we can use. Please choose a JPEG, PNG, WebP or HEIC picture.");
  }
  if (file.size > MAX_BYTES) {
    throw new BoothError("This photo is larger than 32 MB. Please choose a smaller one.");
  }
  return type;
}

/**
 * Uploads a photo; gives {bucket, key} of it.
 *
 * @param {Blob} photo
 * @param {string} contentType
 * @param {{signal: AbortSignal, onProgress: (share: number) => void}} options  share: 0..1 of the bytes sent
 * Throws BoothError.
 */
export async function sendPhoto(photo, contentType, { signal, onProgress }) {
  // A name of our own: the visitor's file name is nobody's business, and a Key made of it could be guessed.
  const filename = `${uuid()}.${contentType.split("/")[1]}`;
  const options = { signal, attempts: SEND_ATTEMPTS };
  const { status, body } = await insist(
    () => post("/upload", { type: "photo", filename, contentType }, signal), options,
  );
  const answer = JSON.parse(body.body ?? "{}"); // JSON text inside JSON
  if (status !== 200) {
    throw refusal(answer);
  }
  await insist(() => put(answer.UploadURL, photo, contentType, { signal, onProgress }), options);
  return { bucket: answer.Bucket, key: answer.Key };
}

/**
 * Follows an uploaded photo to its end; gives the last answer, whose status is SUCCEEDED, PARTIAL or FAILED.
 *
 * A lost connection is not an end: it goes on trying until `signal` is aborted. Every call says the same requestId,
 * so none of them can start a second run.
 *
 * @param {{bucket: string, key: string}} uploaded
 * @param {{signal: AbortSignal, onChange: (answer: object) => void, onTrouble: () => void}} options
 * Throws BoothError if the booth refuses.
 */
export async function followPhoto(uploaded, { signal, onChange, onTrouble }) {
  const request = { requestId: uuid(), ...uploaded, wait: WAIT_SECONDS };
  for (;;) {
    const asked = performance.now();
    const { status, body } = await insist(() => post("/photo", request, signal), { signal, onTrouble });
    if (status === 200) {
      return body;
    }
    if (status !== 202) {
      throw refusal(body);
    }
    onChange(body);
    request.progress = body.progress; // anything else is news, even if it came before the next call
    await pause(MIN_POLL_MS - (performance.now() - asked), signal);
  }
}

function refusal(answer) {
  return new BoothError(answer.error?.message ?? WENT_WRONG, answer.error?.code);
}

function mayPass(status) {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

/** POSTs JSON; gives the HTTP status and the JSON of the answer ({} for a refusal without JSON). Throws Unreachable. */
async function post(path, value, signal) {
  const call = new AbortController();
  const stop = () => call.abort();
  const silence = setTimeout(stop, SILENCE_MS);
  signal.addEventListener("abort", stop);
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(value),
      signal: call.signal,
    });
    const { status } = response;
    if (mayPass(status)) {
      throw new Unreachable();
    }
    const body = await response.json().catch((error) => {
      if (status < 400) {
        throw error; // cut off, or a network that answers in the booth's place
      }
      return {};
    });
    return { status, body };
  } catch {
    throw new Unreachable();
  } finally {
    clearTimeout(silence);
    signal.removeEventListener("abort", stop);
  }
}

/** PUTs the photo. XMLHttpRequest, because fetch does not tell how much has been sent. */
function put(url, photo, contentType, { signal, onProgress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    let silence = setTimeout(stop, SILENCE_MS);
    request.upload.onprogress = ({ loaded, total }) => {
      clearTimeout(silence);
      silence = setTimeout(stop, SILENCE_MS);
      onProgress(loaded / total);
    };
    request.onloadend = () => { // after success, failure and abort alike; status is 0 without an answer
      clearTimeout(silence);
      signal.removeEventListener("abort", stop);
      if (request.status === 200) {
        resolve();
      } else {
        reject(mayPass(request.status) ? new Unreachable() : new BoothError(WENT_WRONG));
      }
    };
    signal.addEventListener("abort", stop);
    request.open("PUT", url);
    request.setRequestHeader("Content-Type", contentType);
    request.send(photo);
  });
}

/** Runs `action` until it doesn't throw Unreachable, with growing pauses. Throws what ended it. */
async function insist(action, { signal, attempts = Infinity, onTrouble = () => {} }) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await action();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Unreachable) || attempt >= attempts) {
        throw error;
      }
      onTrouble();
      const longest = Math.min(1000 * 2 ** (attempt - 1), MAX_PAUSE_MS);
      await pause(longest * (0.5 + Math.random() / 2), signal); // so that many booths don't come back at once
    }
  }
}

/** Waits; ends early, by throwing, if `signal` is aborted. */
function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", stop);
  });
}

/** A random UUID (version 4); crypto.randomUUID exists on https and localhost only. */
function uuid() {
  if (crypto.randomUUID) {
    return crypto.randomUUID();
  }
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
