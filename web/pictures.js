// The finished pictures: fetched once, with the operator's frame and logo on them, then saved and shared.

import { sleep, within } from "./clock.js";
import { GESTURE_MS } from "./dom.js";
import { jpegOf } from "./photo.js";

const QUALITY = 0.95;
const LOGO_WIDTH = 0.18; // of the picture's width
const MARGIN = 0.03; // of the picture's width
const FETCH_ATTEMPTS = 5;
const ANSWER_MS = 30_000;
const BODY_MS = 180_000; // a weak connection takes its time
const ARCHIVE = "photo-booth.zip";
let asked = 0; // when the share sheet was asked for, by performance.now(), until it has answered

/**
 * The picture at `url` as a JPEG file, with the settings' frame and logo (if they can be loaded) drawn on it. Throws if
 * it can't be fetched in five attempts, or not be decoded.
 */
export async function fetchPicture(url, name, { frame, logo }) {
  Promise.all([loadZip(), loadByHand()]).catch(() => {}); // for `save`
  // The pictures come from the page's own host; the page may have been opened under another name of it.
  const blob = await fetchBlob(new URL(url).pathname);
  const file = frame || logo ? await decorate(blob, frame, logo) : blob;
  return new File([file], name, { type: "image/jpeg" });
}

/** Nobody needs them before there are pictures. */
const loadZip = () => import("./vendor/client-zip.js");
const loadByHand = () => import("./by-hand.js");

async function fetchBlob(path) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await within(ANSWER_MS, fetch(path));
      if (!response.ok || !response.headers.get("Content-Type")?.startsWith("image/")) { // e.g. a captive portal's page
        throw new Error(`HTTP ${response.status}`);
      }
      return await within(BODY_MS, response.blob());
    } catch (error) {
      if (attempt === FETCH_ATTEMPTS) {
        throw error;
      }
      await sleep(1000 * attempt);
    }
  }
}

async function decorate(blob, frame, logo) {
  const url = URL.createObjectURL(blob);
  const picture = await load(url).finally(() => URL.revokeObjectURL(url));
  const { naturalWidth: width, naturalHeight: height } = picture;
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  const [border, image] = await Promise.all([loadOwn(frame), loadOwn(logo)]);
  if (border) {
    context.drawImage(border, 0, 0, width, height);
  }
  if (image) {
    const logoWidth = width * LOGO_WIDTH;
    const logoHeight = logoWidth * image.naturalHeight / image.naturalWidth;
    const margin = width * MARGIN;
    context.drawImage(image, width - logoWidth - margin, height - logoHeight - margin, logoWidth, logoHeight);
  }
  return withMetadataOf(blob, jpegOf(canvas, QUALITY));
}

async function load(url) {
  const image = new Image();
  image.src = url;
  await within(ANSWER_MS, image.decode());
  return image;
}

/** The operator's picture at `url`; null without one, and for one that can't be loaded: the visitor's goes first. */
async function loadOwn(url) {
  try {
    return url ? await load(url) : null;
  } catch {
    console.warn(`${url} can't be loaded`);
    return null;
  }
}

/** The JPEG `drawn` with the metadata of `original`: a canvas drops the mark that a picture is AI-generated. */
async function withMetadataOf(original, drawn) {
  const metadata = (await segments(original)).filter(({ marker }) => marker === 0xe1); // APP1: Exif, XMP
  const [first] = await segments(drawn);
  const cut = first.marker === 0xe0 ? first.end : 2; // JFIF's own segment (APP0) stays the first one
  const parts = metadata.map(({ start, end }) => original.slice(start, end));
  return new Blob([drawn.slice(0, cut), ...parts, drawn.slice(cut)], { type: "image/jpeg" });
}

/** The segments in a JPEG's head, [{marker, start, end}]: each is 0xff, its marker, two bytes of length, content. */
async function segments(jpeg) {
  const bytes = new DataView(await jpeg.arrayBuffer());
  const found = [];
  for (let start = 2; bytes.getUint8(start + 1) !== 0xda;) { // 0xda: the image itself begins
    const end = start + 2 + bytes.getUint16(start + 2);
    found.push({ marker: bytes.getUint8(start + 1), start, end });
    start = end;
  }
  return found;
}

/**
 * Saves files. On phones, and where a download leads nowhere, the device's share sheet takes them ("Save images") if
 * there is one; else they are downloaded, several as one zip archive. Where that can't be they are shown, to be pressed long.
 */
export async function save(files, isPhone) {
  if ((isPhone || !canDownload()) && canShare(files)) {
    await share(files);
  } else {
    await download(files);
  }
}

/** False in a page on an iOS Home Screen and in browsers inside other apps: there a download ends in nothing. */
function canDownload() {
  const { userAgent, standalone, maxTouchPoints } = navigator;
  const isIos = /iP(hone|ad|od)/.test(userAgent) || (/Macintosh/.test(userAgent) && maxTouchPoints > 1);
  const isBrowser = /Safari\//.test(userAgent) && matchMedia("(display-mode: browser)").matches;
  return !standalone && !(isIos && !isBrowser) && !/; wv\)/.test(userAgent);
}

async function download(files) {
  const isOne = files.length === 1;
  const blob = isOne ? files[0] : await loadZip().then(({ downloadZip }) => downloadZip(files).blob()).catch(() => null);
  if (!blob || !canDownload()) {
    const { showByHand } = await loadByHand();
    showByHand("save.hand", files.map((file) => Object.assign(new Image(), { src: URL.createObjectURL(file), alt: "" })));
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = isOne ? files[0].name : ARCHIVE;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Whether this device can share these files (Web Share API). */
export function canShare(files) {
  return Boolean(navigator.canShare?.({ files }));
}

/** Opens the device's share sheet; where the browser doesn't allow that, or never answered, the files are downloaded. */
export async function share(files) {
  if (asked) {
    if (performance.now() - asked > GESTURE_MS) {
      await download(files);
    }
    return;
  }
  asked = performance.now();
  try {
    await navigator.share({ files });
  } catch (error) {
    if (error.name !== "AbortError") { // that is the visitor who closed it
      await download(files);
    }
  } finally {
    asked = 0;
  }
}
