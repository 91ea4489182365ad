// The booth's API over HTTP. What fails for a moment is tried again here; everything else is thrown as BoothError.

const CONTENT_TYPES = {
  jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png", webp: "image/webp", heic: "image/heic", heif: "image/heif",
};
const MAX_BYTES = 32 * 1024 * 1024; // the booth refuses more, but only after the whole upload
const TIMEOUT_MS = 30_000; // for an answer, or for the next progress event of an upload
const MAX_PAUSE_MS = 10_000;
const MAX_RETRY_AFTER_S = 120; // a longer Retry-After is an error at once: nobody waits that long in front of a pad
const TOKEN = "booth-token"; // in the pad's local storage

/** A failure: `code` is the API's (or ours), `message` what the booth said about it, if it did. */
export class BoothError extends Error {
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

/** Content type of a chosen file. Some browsers leave `type` empty for HEIC. Throws BoothError if it is no photo. */
export function contentTypeOf(file) {
  const extension = file.name.split(".").pop().toLowerCase();
  const type = Object.values(CONTENT_TYPES).includes(file.type) ? file.type : CONTENT_TYPES[extension];
  if (!type) {
    throw new BoothError("UnsupportedPhoto");
  }
  if (file.size > MAX_BYTES) {
    throw new BoothError("PhotoTooLarge");
  }
  return type;
}

/** Keeps the booth token on this device. */
export function keepToken(token) {
  localStorage.setItem(TOKEN, token);
}

/** Whether the booth takes this token: it is asked with a request that can't upload anything. Throws BoothError. */
export async function isTokenGood(token) {
  try {
    return (await call("POST", "/upload", {}, { token })).status !== 401;
  } catch {
    throw new BoothError("Offline");
  }
}

/** The catalogue: {scenes: [{id, title, color, thumbnail}], default: [id]}. Goes on trying. */
export async function listScenes(options) {
  return bodyOf(await withRetries(() => call("GET", "/scenes", undefined, options), options));
}

/**
 * Asks for a place for a photo; gives {bucket, key, url, until}, `until` in milliseconds since 1970.
 *
 * @param {{contentType: string, scenes: string[], consent: object}} photo
 * Throws BoothError.
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
 * PUTs the photo; false if the address has expired. Goes on trying until then.
 *
 * @param {{url: string, until: number}} uploaded
 * @param {{signal: AbortSignal, onTrouble: Function, onSent: (share: number) => void}} options  share: 0..1 of the bytes
 */
export function putPhoto({ url, until }, blob, contentType, options) {
  return withRetries(async () => {
    if (Date.now() > until) {
      return false;
    }
    const status = await put(url, blob, contentType, options);
    if (status !== 200 && Date.now() <= until) {
      throw new BoothError("Unknown");
    }
    return status === 200;
  }, options);
}

/** How a visit stands: {isEnded, answer, seconds}, `seconds` before the next question. Goes on trying. Throws BoothError. */
export async function askPhoto(request, options) {
  const reply = await callPhoto("POST", request, options);
  return { isEnded: reply.status === 200, answer: bodyOf(reply), seconds: reply.seconds };
}

/** Deletes a visit everywhere; what the booth doesn't know any more is deleted. Throws BoothError. */
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

/** Waits; ends early when the connection comes back, and by throwing when `signal` is aborted. */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      signal.removeEventListener("abort", end);
      if (signal.aborted) {
        reject(signal.reason);
      } else {
        resolve();
      }
    };
    const timer = setTimeout(end, milliseconds);
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
  const timer = setTimeout(stop, TIMEOUT_MS);
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
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

function isTransient(status) {
  return status === 408 || status === 429 || status >= 500;
}

/** PUTs the photo; gives the HTTP status. XMLHttpRequest, because fetch does not tell how much has been sent. */
function put(url, blob, contentType, { signal, onSent }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    let timer = setTimeout(stop, TIMEOUT_MS);
    request.upload.onprogress = ({ loaded, total }) => {
      clearTimeout(timer);
      timer = setTimeout(stop, TIMEOUT_MS);
      onSent(loaded / total);
    };
    request.onloadend = () => { // after success, failure and abort alike; status is 0 without an answer
      clearTimeout(timer);
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
    request.send(blob);
  });
}

/** Runs `action` until it doesn't throw TransientError: exponential backoff with jitter. Throws what else ended it. */
async function withRetries(action, { signal, attempts = Infinity, onTrouble = () => {} }) {
  for (let attempt = 1; ; attempt += 1) {
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
