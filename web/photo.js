// What a file is, and its bytes.

import { within } from "./clock.js";

const HEAD_BYTES = 256; // of a file, which tell its type
const HEVC = ["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"]; // brands, as in pixels/intake.py
const ANY_CODEC = ["mif1", "mif2", "msf1"];
const AV1 = ["avif", "avis"];
const MAX_BYTES = 32 * 1024 * 1024; // the booth refuses more, but only after the whole upload
const READ_MS = 60_000; // for a file that may lie in a cloud

/** A failure that is not tried again. */
export class BoothError extends Error {
  /** `code`: the API's (docs/api.md), or "Offline", "Unknown", ... of this page; `message`: the API's, in English. */
  constructor(code, message = "") {
    super(message);
    this.code = code;
  }
}

/** A photo's bytes. Throws BoothError UnreadablePhoto if the device gives none, or only some. */
export async function bytesOf(blob) {
  const bytes = await within(READ_MS, blob.arrayBuffer()).catch(() => undefined);
  if (!bytes?.byteLength || bytes.byteLength !== blob.size) {
    throw new BoothError("UnreadablePhoto");
  }
  return bytes;
}

/** A chosen file as {blob, contentType}: a copy, for the file may change before it is sent. Throws as contentTypeOf. */
export async function photoOf(file) {
  await contentTypeOf(file);
  const blob = new Blob([await bytesOf(file)]);
  return { blob, contentType: await contentTypeOf(blob) };
}

/**
 * The content type by the first bytes: what name and browser say is often wrong. Throws BoothError UnsupportedPhoto,
 * PhotoTooLarge (more than 32 MiB), UnreadablePhoto.
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
 * What is drawn on a canvas, as a JPEG; throws Error if the browser can't encode it. At once: `toBlob` waits until the
 * browser is idle, in Chromium up to 11 seconds, on Android 24 (canvas_async_blob_creator.cc in Blink).
 */
export function jpegOf(canvas, quality) {
  const [head, data] = canvas.toDataURL("image/jpeg", quality).split(",");
  if (!head.startsWith("data:image/jpeg")) {
    throw new Error("no JPEG");
  }
  const binary = atob(data);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i += 1) {
    bytes[i] = binary.charCodeAt(i);
  }
  return new Blob([bytes], { type: "image/jpeg" });
}
