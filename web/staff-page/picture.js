// A picture file made fit for the event's settings: a data: URL, small enough.

import { within } from "../clock.js";

const MOST_CHARACTERS = 300_000; // of the data: URL; functions/booth/event.py refuses longer ones
const READ_MS = 10_000;
const QUALITY = 0.9;
const SMALLER = 0.8; // of the side, until it is small enough
const LEAST_SIDE = 64;
const SAMPLE_SIDE = 64;
const SEEN_THROUGH = 128; // alpha below

/**
 * The picture in `file`, at most `side` pixels wide and high, as WebP, or PNG where the browser writes no WebP. Throws
 * Error "unreadable" (no picture), "opaque" (`mustShowThrough`, and no part of it does), "large" (can't be made small).
 */
export async function pictureOf(file, { side, mustShowThrough }) {
  const image = await read(file);
  const width = image.naturalWidth || side; // an SVG may have no size of its own
  const height = image.naturalHeight || Math.round(side * 0.75);
  if (mustShowThrough && !showsThrough(draw(image, SAMPLE_SIDE, SAMPLE_SIDE))) {
    throw new Error("opaque");
  }
  let scale = Math.min(1, side / Math.max(width, height));
  if (!image.naturalWidth) {
    scale = 1;
  }
  while (Math.max(width, height) * scale >= LEAST_SIDE || scale === 1) {
    const canvas = draw(image, Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
    const url = encode(canvas);
    if (url.length <= MOST_CHARACTERS) {
      return url;
    }
    scale *= SMALLER;
  }
  throw new Error("large");
}

async function read(file) {
  const url = URL.createObjectURL(file);
  const image = Object.assign(new Image(), { src: url });
  try {
    await within(READ_MS, image.decode());
    return image;
  } catch {
    throw new Error("unreadable");
  } finally {
    URL.revokeObjectURL(url);
  }
}

function draw(image, width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").drawImage(image, 0, 0, width, height);
  return canvas;
}

function showsThrough(canvas) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.some((value, index) => index % 4 === 3 && value < SEEN_THROUGH);
}

function encode(canvas) {
  const url = canvas.toDataURL("image/webp", QUALITY);
  return url.startsWith("data:image/webp") ? url : canvas.toDataURL("image/png");
}
