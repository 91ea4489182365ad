// Photos that are under way, kept in the browser's database: a reload or a lost connection loses none. Their bytes are
// kept, not the blob: Safari gives some of its blobs back empty.

import { boothTime } from "./api.js";
import { after, within } from "./clock.js";
import { bytesOf } from "./photo.js";

const KEEP_MS = 24 * 60 * 60 * 1000;
const ANSWER_MS = 2000; // of database and locks, which in some browsers never answer

let patience = ANSWER_MS; // less once it has not answered; what it is told late is kept all the same

async function inTime(promise) {
  try {
    const answer = await within(patience, promise);
    patience = ANSWER_MS;
    return answer;
  } catch (error) {
    if (error?.name === "TimeoutError") {
      patience = 100;
    }
    throw error;
  }
}

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("photo-booth", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("visits", { keyPath: "requestId" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

let last = Promise.resolve(); // one after the other: what is forgotten is not kept again by what was late

/** What `action` gives (an IDBRequest), once it is written: what finds no room fails only then. */
function change(action, prepare) {
  const next = () => changeNow(action, prepare);
  last = last.then(next, next);
  return last;
}

async function changeNow(action, prepare) {
  const prepared = await prepare?.();
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction("visits", "readwrite");
      transaction.onabort = () => reject(transaction.error);
      const request = action(transaction.objectStore("visits"), prepared);
      transaction.oncomplete = () => resolve(request.result);
    });
  } finally {
    database.close();
  }
}

function toRecord({ bytes, ...kept }) {
  return bytes ? { ...kept, blob: new Blob([bytes]) } : kept; // one that an older page kept has its blob
}

/*
 * VisitRecord: a visit as it is kept; that of a phone's link has `requestId`, `blob` (null) and `bound` only.
 *   requestId    a UUID that this page made
 *   created      milliseconds since 1970, by this device's clock, which may be wrong
 *   age          for how many milliseconds a page has been seen to run since; none in older records
 *   since        when it was created by the booth's clock, in milliseconds since 1970; none before the booth has told it
 *   blob         the photo, of `contentType`
 *   scenes       ids, in the order in which they were chosen
 *   keep         what its pictures are to keep: face, head, person; "" or missing: what scenes and stack say
 *   consent      as POST /upload takes it
 *   keeps        requestId of the visit whose photo the booth keeps until this one's visitor leaves; "" or missing: none
 *   uploaded     what issueUpload gave; null before
 *   sent         whether the photo is in S3
 *   bound        whether the booth knows the requestId, so that it alone leads to the pictures
 *   left         true once the visitor has gone on: it is sent, but never shown again
 */

/** Keeps a visit, or its new state; gives whether that is done. Else (no room) the photo is in memory only. */
export async function keep(record) {
  try {
    const { blob, ...rest } = record;
    await inTime(change((visits, bytes) => visits.put({ ...rest, bytes }), () => bytesOf(blob)));
    return true;
  } catch (error) {
    console.warn("this browser can't keep the photo", error?.name);
    return false;
  }
}

/** How a kept visit stands now, after what other tabs did: null if finished, `record` if the browser doesn't tell. */
export async function current(record) {
  try {
    const kept = await inTime(change((visits) => visits.get(record.requestId)));
    return kept ? toRecord(kept) : null;
  } catch {
    return record;
  }
}

/** The requestIds that a tab of this browser works on (Web Locks). Never rejects. */
export async function held() {
  try {
    return (await inTime(navigator.locks.query())).held.map(({ name }) => name);
  } catch {
    return []; // plain http, or no answer
  }
}

/** Works on a visit as soon as no other tab does; at once without Web Locks. Rejects as `action`, or if aborted before. */
export function alone(requestId, signal, action) {
  return new Promise((resolve, reject) => {
    let isBegun = false;
    const begin = () => {
      if (isBegun || signal.aborted) {
        return undefined;
      }
      isBegun = true;
      const done = action();
      done.then(resolve, reject);
      return done;
    };
    if (!navigator.locks) {
      begin();
      return;
    }
    const lock = async () => navigator.locks.request(requestId, { signal }, begin);
    lock().catch((error) => (signal.aborted ? reject(error) : begin()));
    after(ANSWER_MS, async () => isBegun || (await held()).includes(requestId) || begin()); // it may never answer
  });
}

/** Removes a visit. Never rejects. */
export async function forget(requestId) {
  try {
    await inTime(change((visits) => visits.delete(requestId)));
  } catch (error) {
    console.warn("this browser keeps no photos", error?.name);
  }
}

/** Marks a kept visit as one whose visitor has gone on. Never rejects. */
export async function markLeft(requestId) {
  await note(requestId, { left: true });
}

/** Notes how long a visit, if it is kept, has been so: `age` and `since`. Never rejects. */
export async function noteAge({ requestId, age, since }) {
  await note(requestId, { age, since });
}

async function note(requestId, news) {
  const mark = (visits) => {
    const request = visits.get(requestId);
    request.onsuccess = () => request.result && visits.put({ ...request.result, ...news });
    return request;
  };
  await within(ANSWER_MS, change(mark)).catch(() => {});
}

/** Whether a visit is too old to be kept: by the booth's clock, or by the time that a page has run. */
export function isDue({ age = 0, since }) {
  return age >= KEEP_MS || boothTime() - since >= KEEP_MS;
}

/** The visits that were not finished, newest first; those kept for a day are removed. May never settle. */
export async function unfinished() {
  let records = [];
  try {
    records = (await change((visits) => visits.getAll())).map(toRecord);
  } catch (error) {
    console.warn("this browser keeps no photos", error?.name);
  }
  await Promise.all(records.filter(isDue).map(({ requestId }) => forget(requestId)));
  return records.filter((record) => !isDue(record)).sort((a, b) => b.created - a.created);
}
