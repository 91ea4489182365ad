// One visit: a photo on its way to the booth, then the pictures on their way back.

import { askPhoto, boothTime, deletePhoto, issueUpload, pause, putPhoto, uuid } from "./api.js";
import { after } from "./clock.js";
import * as outbox from "./outbox.js";
import { BoothError } from "./photo.js";

const WAIT_SECONDS = 10; // long polling: how long /photo may wait for a change
const MIN_POLL_MS = 100; // between two polls: two pictures may be finished almost together
const MISSING_PAUSE_MS = 5000;
const WATCH_MS = 10_000; // between two looks whether what is shown may still be seen
const UNSEEN = ["Deleted", "Hidden"];
const SOON_MS = 3000; // between two looks while a picture is checked for the wall, which takes seconds,
const CHECK_MS = 60_000; // for so long
const DELETE_ATTEMPTS = 4;
const AGE_MS = 600_000; // after which it is noted how old a kept visit is

// Another attempt with the same photo ends the same way.
const PHOTO_ERRORS = [
  "NoFaceFound", "UnsupportedPhoto", "UnreadablePhoto", "PhotoTooLarge", "PhotoTooSmall", "PhotoTooNarrow",
  "PhotoRefused",
];

/** Whether the photo itself can't be used, so that only another one helps. */
export function isPhotoUnusable(code) {
  return PHOTO_ERRORS.includes(code);
}

// How a visit stands: `phase` ("sending", "working", "ended", "failed", "hidden" by staff, "missing", "deleted"), `share`
// (0..1 of the bytes sent), `trouble` ("", "lost", "busy", "paused" with `pause`: {reason, until}), `answer` (the API's
// last one, or null), `error` ({code, message} of a failed visit).

/** One visit. `state` (VisitState) is what a screen shows; `onChange` is called with it after each change. */
export class Visit {
  #stop = new AbortController();
  #hasLeft = false;
  #isKept; // in the outbox, where other tabs see it
  #forgotten; // settles when it is out of there
  #onPaired = () => {};
  #pairings = 0;
  #counted = performance.now(); // the age up to then is in the record

  /** `record`: VisitRecord, if `bound` it is followed only; `isKept`: it comes from the outbox. */
  constructor(record, isKept = false) {
    this.record = record;
    this.#isKept = isKept;
    this.state = { phase: record.bound || !record.blob ? "working" : "sending", share: 0, trouble: "", answer: null, error: null };
    this.onChange = () => {};
    /** Called when the booth wants a token; the visit waits until `paired`. */
    this.onTokenNeeded = () => {};
  }

  /** A new visit with a photo, for scenes (ids); `keep`: see VisitRecord; `again`: the booth keeps the photo for more. */
  static ofPhoto({ blob, contentType }, scenes, keep, consent, again) {
    const record = { requestId: uuid(), created: Date.now(), blob, contentType, scenes, keep, consent };
    return new Visit({ ...record, keeps: again ? record.requestId : "", uploaded: null, sent: false, bound: false });
  }

  /** The visit behind a phone's link. */
  static ofLink(requestId) {
    return new Visit({ requestId, blob: null, bound: true });
  }

  /**
   * Sends the photo and polls until the visit has ended, see `state`. Only one tab does so at a time; a failed visit
   * stays with its tab until the visitor leaves. Never rejects.
   */
  async run() {
    const { signal } = this.#stop;
    const action = () => this.#run(signal);
    await (this.record.blob ? outbox.alone(this.record.requestId, signal, action).catch(() => {}) : action());
  }

  async #run(signal) {
    const stopAging = this.#age();
    try {
      await this.#takeUp();
      while (!await this.#goThrough(signal)) {
        await pause(MISSING_PAUSE_MS, signal);
      }
      if (this.#hasLeft) {
        this.endKeeping();
        await this.#forget();
        return;
      }
      await this.#watch(signal);
    } catch (error) {
      if (signal.aborted) {
        await this.#forgotten;
        return;
      }
      if (this.#hasLeft && isPhotoUnusable(error.code)) { // nobody is there to take another one
        await this.#forget();
      }
      if (!(error instanceof BoothError)) {
        console.error(error); // a defect of this page
      }
      this.#update({ phase: "failed", trouble: "", error: { code: error.code ?? "Unknown", message: error.message } });
      if (!this.#hasLeft) {
        const end = new Promise((resolve) => { signal.addEventListener("abort", resolve); });
        await (this.record.bound && error.code !== "WrongLink" ? this.#watch(signal).catch(() => {}) : end);
        await this.#forgotten;
      }
    } finally {
      stopAging();
    }
  }

  /** Sends the photo and follows the visit to its end; gives whether that is done, or else is to be done again. */
  async #goThrough(signal) {
    try {
      if (!this.record.bound) {
        await this.#send(signal);
      }
      if (!this.#hasLeft) {
        await this.#follow(signal);
      }
      return true;
    } catch (error) {
      if (error.code !== "NotFound" || !this.record.blob) {
        throw error;
      }
      // A booth at home that was started again knows nothing of it any more; one on AWS says Deleted for days.
      await this.#keep({ uploaded: null, sent: false, bound: false });
      this.#update({ phase: "sending", share: 0, answer: null });
      return false;
    }
  }

  /** Counts how old the record is, and ends the visit of one that is too old. Gives what ends that. */
  #age() {
    let cancel = () => {};
    const note = async () => {
      cancel = after(AGE_MS, note);
      this.#count();
      await outbox.noteAge(this.record);
      if (outbox.isDue(this.record)) {
        this.leave();
        this.#stop.abort();
        this.#forget();
      }
    };
    if (this.record.blob) {
      cancel = after(AGE_MS, note);
    }
    return () => cancel();
  }

  #count() {
    const now = performance.now();
    const age = (this.record.age ?? 0) + now - this.#counted;
    this.#counted = now;
    const since = boothTime() - age || undefined;
    Object.assign(this.record, { age, since: this.record.since ?? since });
  }

  /** Keeps a new visit; of a kept one, takes what another tab has made of it. */
  async #takeUp() {
    if (!this.#isKept) {
      await this.#keep();
      return;
    }
    const now = await outbox.current(this.record);
    Object.assign(this.record, now ? { ...now, blob: this.record.blob } : { bound: true });
  }

  /**
   * The visitor has gone on: nothing is shown any more, but a photo that the booth doesn't have yet is still sent.
   * Resolves once a reload knows it.
   */
  leave() {
    this.onChange = () => {};
    this.#hasLeft = true;
    if (!this.record.bound && this.record.blob && !["ended", "failed", "deleted"].includes(this.state.phase)) {
      this.record.left = true;
      return outbox.markLeft(this.record.requestId);
    }
    this.#stop.abort();
    this.endKeeping();
    return this.#forget();
  }

  /** Tells the booth that the photo it keeps is needed no more, though the page is closed; else it goes after an hour. */
  endKeeping() {
    const { keeps: requestId } = this.record;
    const headers = { "Content-Type": "application/json" };
    const request = { method: "POST", headers, body: JSON.stringify({ requestId, done: true }), keepalive: true };
    const send = () => fetch("/again", request).catch(() => addEventListener("online", send, { once: true }));
    this.record.keeps = "";
    if (requestId) {
      send();
    }
  }

  /** Deletes photo and pictures everywhere. Throws BoothError; then the visit goes on. */
  async delete() {
    this.#stop.abort();
    this.#stop = new AbortController();
    const deleted = this.#deleteAll(this.#stop.signal);
    this.#forgotten = deleted.catch(() => {}); // until then no other tab takes the photo
    try {
      await deleted;
    } catch (error) {
      this.run(); // it goes on as if nothing had been asked
      throw error;
    }
    this.#update({ phase: "deleted", trouble: "", answer: null });
  }

  /** The device has a token now: what waited for it goes on. */
  paired() {
    this.#pairings += 1;
    this.#onPaired();
  }

  #update(change) {
    Object.assign(this.state, change);
    this.onChange(this.state);
  }

  async #deleteAll(signal) {
    const { requestId, uploaded, bound } = this.record;
    if (bound || uploaded) {
      const place = bound ? {} : { bucket: uploaded.bucket, key: uploaded.key };
      await deletePhoto({ requestId, ...place }, { signal, attempts: DELETE_ATTEMPTS });
    }
    await outbox.forget(requestId);
  }

  async #keep(change = {}) {
    Object.assign(this.record, change);
    this.#count();
    if (this.record.blob) {
      this.#isKept = await outbox.keep(this.record);
    }
  }

  #forget() {
    this.#forgotten = outbox.forget(this.record.requestId);
    return this.#forgotten;
  }

  #options(signal) {
    return { signal, onTrouble: (trouble, paused) => this.#update({ trouble, pause: paused }) };
  }

  async #send(signal) {
    const { record } = this;
    if (record.begin) { // the booth has the photo
      this.furtherLeft = await this.#withToken(signal, () => record.begin(this.#options(signal)));
      record.bound = true;
      return;
    }
    while (!record.sent) {
      if (!record.uploaded) {
        await this.#keep({ uploaded: await this.#withToken(signal, () => issueUpload(record, this.#options(signal))) });
      }
      if (outbox.isDue(record)) {
        this.#forget();
        throw new BoothError("PhotoNeverArrived");
      }
      const onSent = (share) => this.#update({ share, trouble: "" });
      const options = { ...this.#options(signal), onSent };
      if (await putPhoto(record.uploaded, record.blob, record.contentType, options)) {
        await this.#keep({ sent: true });
      } else { // it may have arrived all the same, and would be painted twice
        const { bucket, key } = record.uploaded;
        await this.#withToken(signal, () => deletePhoto({ requestId: uuid(), bucket, key }, this.#options(signal)));
        await this.#keep({ uploaded: null });
      }
    }
    const { bucket, key } = record.uploaded;
    await this.#withToken(signal, () => askPhoto({ requestId: record.requestId, bucket, key }, this.#options(signal)));
    await this.#keep({ bound: true });
    this.#update({ phase: "working", trouble: "" });
  }

  async #withToken(signal, action) {
    for (;;) {
      const before = this.#pairings;
      try {
        return await action();
      } catch (error) {
        if (error.code !== "BoothTokenNeeded") {
          throw error;
        }
        if (this.#pairings > before) { // the token has come meanwhile
          continue;
        }
        const isPaired = new Promise((resolve, reject) => {
          this.#onPaired = resolve;
          signal.addEventListener("abort", () => reject(signal.reason));
        });
        this.onTokenNeeded();
        await isPaired;
      }
    }
  }

  async #follow(signal) {
    const request = { requestId: this.record.requestId, wait: WAIT_SECONDS };
    for (;;) {
      const asked = performance.now();
      try {
        const { isEnded, answer, seconds } = await askPhoto(request, this.#options(signal));
        if (isEnded) {
          await this.#end(answer);
          return;
        }
        this.#update({ phase: "working", trouble: "", answer });
        request.progress = answer.progress; // anything else is news, even if it came before the next call
        const least = Math.max(MIN_POLL_MS, seconds * 1000); // without long polling Retry-After says when to ask again
        await pause(least - (performance.now() - asked), signal);
      } catch (error) {
        if (UNSEEN.includes(error.code)) { // it has ended, or it couldn't be hidden
          await this.#vanish(error.code);
          return;
        }
        if (error.code === "BadRequest" && !this.record.blob) {
          throw new BoothError("WrongLink"); // cut off, or typed
        }
        if (error.code !== "NotFound" || this.record.blob) {
          throw error;
        }
        // Too late, or too early: the pad may not have sent the photo yet.
        this.#update({ phase: "missing", trouble: "" });
        await pause(MISSING_PAUSE_MS, signal);
      }
    }
  }

  /**
   * Looks now and then whether a visit that has ended may still be seen: not if it was deleted, or hidden by staff; and
   * how its pictures stand with the wall.
   */
  async #watch(signal) {
    const since = Date.now();
    while (["ended", "failed", "hidden"].includes(this.state.phase)) {
      const isChecked = this.state.answer?.pictures?.some(({ state, wall }) => state === "DONE" && wall === "checking");
      await pause(isChecked && Date.now() - since < CHECK_MS ? SOON_MS : WATCH_MS, signal);
      if (document.hidden) {
        continue;
      }
      try {
        const { answer } = await askPhoto({ requestId: this.record.requestId }, { signal, attempts: 1 });
        if (this.state.phase === "hidden") { // not any more
          await this.#end(answer);
        } else if (this.state.phase === "ended") {
          this.#update({ answer });
        }
      } catch ({ code }) {
        signal.throwIfAborted();
        if (UNSEEN.includes(code)) {
          await this.#vanish(code);
        } else if (code === "NotFound") { // its days are over
          this.#update({ phase: "missing" });
        }
      }
    }
  }

  async #vanish(code) {
    await this.#forget();
    this.#update({ phase: code.toLowerCase(), trouble: "", answer: null });
  }

  async #end(answer) {
    if (answer.status === "FAILED") {
      this.#update({ phase: "failed", trouble: "", answer, error: answer.error });
      return;
    }
    await this.#forget();
    this.#update({ phase: "ended", trouble: "", answer });
  }
}
