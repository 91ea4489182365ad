// Photos that are under way, kept in the browser's database: a reload or a lost connection loses none.

const KEEP_MS = 24 * 60 * 60 * 1000;

function open() {
  return settle(() => {
    const request = indexedDB.open("photo-booth", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("visits", { keyPath: "requestId" });
    return request;
  });
}

function settle(start) {
  return new Promise((resolve, reject) => {
    const request = start();
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function change(action) {
  const database = await open();
  try {
    return await settle(() => action(database.transaction("visits", "readwrite").objectStore("visits")));
  } finally {
    database.close();
  }
}

/**
 * A visit as it is kept. That of a phone's link has `requestId`, `blob` (null) and `bound` only.
 *   requestId    a UUID that this page made
 *   created      milliseconds since 1970
 *   blob         the photo
 *   contentType  of the photo
 *   scenes       ids, in the order in which they were chosen
 *   consent      as POST /upload takes it
 *   uploaded     what issueUpload gave; null before
 *   sent         whether the photo is in S3
 *   bound        whether the booth knows the requestId, so that it alone leads to the pictures
 *
 * @typedef {{requestId: string, created?: number, blob: ?Blob, contentType?: string, scenes?: string[],
 *            consent?: ?object, uploaded?: ?{bucket: string, key: string, url: string, until: number}, sent?: boolean,
 *            bound: boolean}} VisitRecord
 */

/**
 * Keeps a visit, or its new state. In a browser that can't (no room, private mode) the photo is in memory only.
 *
 * @param {VisitRecord} record
 * @returns {Promise<void>}  never rejects
 */
export async function keep(record) {
  try {
    await change((visits) => visits.put(record));
  } catch (error) {
    console.warn("this browser can't keep the photo", error.name);
  }
}

/**
 * Removes a visit.
 *
 * @param {string} requestId
 * @returns {Promise<void>}  never rejects
 */
export async function forget(requestId) {
  try {
    await change((visits) => visits.delete(requestId));
  } catch (error) {
    console.warn("this browser keeps no photos", error.name);
  }
}

/**
 * The visits that were not finished, newest first. Those older than a day are removed.
 *
 * @returns {Promise<VisitRecord[]>}  never rejects
 */
export async function unfinished() {
  let records = [];
  try {
    records = await change((visits) => visits.getAll());
  } catch (error) {
    console.warn("this browser keeps no photos", error.name);
  }
  const isFresh = ({ created }) => Date.now() - created < KEEP_MS;
  await Promise.all(records.filter((record) => !isFresh(record)).map(({ requestId }) => forget(requestId)));
  return records.filter(isFresh).sort((a, b) => b.created - a.created);
}
