// What is on the wall, as the booth says it: asked every two seconds. What it doesn't say any more is not shown.

import { after } from "../clock.js";

const POLL_MS = 2000;
const ANSWER_MS = 5000; // may an answer take
const SILENT_MS = 15_000; // after which nothing is known of what may be shown
const REFUSED_MS = 15_000; // between two questions with a token that the booth doesn't take
const MOST = 60;

/**
 * Asks for good. `onPictures`: the addresses of the pictures, newest first; `onSilent`: the booth has said nothing for
 * SILENT_MS, or the device has slept so long; `onRefused`: it doesn't take the token.
 */
export function follow(token, { onPictures, onSilent, onRefused }) {
  let cancelSilence = () => {};

  async function ask() {
    const asked = performance.now();
    const time = Date.now();
    const { status, pictures } = await answerTo(token);
    const age = Math.max(0, Date.now() - time);
    if (status === 401) {
      cancelSilence();
      onRefused();
    } else if (pictures) {
      cancelSilence();
      cancelSilence = after(SILENT_MS - age, onSilent); // it was so when it was asked for; it may have slept with the device
      onPictures(pictures);
    }
    after(Math.max(0, asked + (status === 401 ? REFUSED_MS : POLL_MS) - performance.now()), ask);
  }

  cancelSilence = after(SILENT_MS, onSilent);
  ask();
}

/** {status, pictures}: 0 without an answer; `pictures` undefined unless it is the booth's and names them. */
async function answerTo(token) {
  const own = new AbortController();
  const cancel = after(ANSWER_MS, () => own.abort());
  const headers = { Authorization: `Bearer ${token}` };
  const request = { headers, cache: "no-store", redirect: "error", signal: own.signal };
  try {
    const response = await fetch("/wall/pictures", request);
    return { status: response.status, pictures: response.ok ? addresses(await response.json()) : undefined };
  } catch {
    return { status: 0 };
  } finally {
    cancel();
  }
}

/** Throws if the answer isn't the booth's. The pictures come from the page's own host. */
function addresses({ pictures }) {
  const found = pictures.map(({ url }) => new URL(url, location.href).pathname);
  if (!found.every((path) => path.startsWith("/photo/"))) {
    throw new TypeError("an address that is no picture's");
  }
  return [...new Set(found)].slice(0, MOST);
}
