// The bar of a visit: how far it is, by the times that this device's last visits took.

import { after } from "../clock.js";
import { $ } from "../dom.js";
import { store, stored } from "../storage.js";

const KEPT = "booth-seconds"; // in local storage: a list of numbers
const MOST = 9;
const FIRST_SECONDS = 20; // of a device without a past
const UPLOAD_SHARE = 0.2; // of the bar
const EXPECTED_SHARE = 0.9; // of what follows, when the expected time is over; it creeps on from there
const TICK_MS = matchMedia("(prefers-reduced-motion: reduce)").matches ? 5000 : 500;

const isWaiting = ({ status, waiting_seconds: seconds }) => status === "QUEUED" || seconds > 0;

export class Progress {
  #onTick;
  #expected;
  #delay; // seconds from then until the last picture's turn, if that comes later
  #answer;
  #began = null; // performance.now() of when the work began; null while the photo waits for its turn
  #hasWaited = false;
  #isSeen = false; // the work was seen under way, so that its time is news
  #cancel = () => {};

  constructor({ onTick }) {
    this.#onTick = onTick;
  }

  /** A visit begins. */
  start() {
    this.stop();
    $("bar").value = 0;
    this.#expected = expected();
    this.#delay = 0;
    this.#began = null;
    this.#hasWaited = this.#isSeen = false;
  }

  stop() {
    this.#cancel();
  }

  /** Seconds that the pictures still take; below 0 they should be there. */
  get secondsLeft() {
    return this.firstSeconds + this.#delay;
  }

  /** Of the first one, from its turn on. */
  get firstSeconds() {
    return this.#expected - this.#passed;
  }

  get isLastToCome() {
    return this.#delay > this.#passed;
  }

  get #passed() {
    return this.#began === null ? 0 : (performance.now() - this.#began) / 1000;
  }

  /** Shows how a visit stands, and goes on by itself while it is painted. The bar never goes back. */
  show({ phase, share, answer }) {
    this.stop();
    if (phase === "ended" && this.#isSeen && !this.#hasWaited && answer.status === "SUCCEEDED") {
      keep(Number(answer.time_taken));
      this.#isSeen = false;
    }
    if (phase === "working" && answer) {
      this.#isSeen = true;
      this.#follow(answer);
      this.#cancel = after(TICK_MS, this.#onTick);
    }
    if (phase === "sending" || phase === "working") { // later there is no bar
      const value = answer ? UPLOAD_SHARE + (1 - UPLOAD_SHARE) * this.#share(answer) : share * UPLOAD_SHARE;
      $("bar").value = Math.max($("bar").value, value);
    }
  }

  #follow(answer) {
    if (isWaiting(answer)) {
      this.#hasWaited = true;
      this.#began = null;
    } else {
      this.#began ??= performance.now() - (this.#hasWaited ? 0 : (answer.time_taken || 0) * 1000);
    }
    const wait = Math.max(...answer.pictures.map((each) => each.waiting_seconds));
    if (answer !== this.#answer && wait > answer.waiting_seconds) {
      this.#hasWaited = true;
      this.#delay = this.#passed + wait;
    }
    this.#answer = answer;
  }

  #share(answer) {
    if (this.#began === null) {
      return 0;
    }
    const { pictures } = answer; // none at the very beginning
    const done = pictures.filter(({ state }) => state === "DONE").length / (pictures.length || 1);
    const time = 1 - this.secondsLeft / (this.#expected + this.#delay); // 1: it is over
    const passed = time < 1 ? EXPECTED_SHARE * time : 1 - (1 - EXPECTED_SHARE) / time;
    return Math.max(passed, EXPECTED_SHARE * done);
  }
}

function kept() {
  try {
    return JSON.parse(stored("localStorage", KEPT)).filter((each) => each > 0 && each < 600);
  } catch { // none, or another's
    return [];
  }
}

/** The median of the last visits' seconds. */
function expected() {
  const seconds = kept().sort((a, b) => a - b);
  return seconds.length ? seconds[seconds.length >> 1] : FIRST_SECONDS;
}

function keep(seconds) {
  store("localStorage", KEPT, JSON.stringify([...kept(), seconds].slice(-MOST)));
}
