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
 * Keeps a visit: {requestId, created, blob, contentType, scenes, consent, uploaded, sent, bound}.
 * A browser that has no room for it only loses the safety net: the photo is still in memory.
 */
export async function keep(record) {
  try {
    await change((visits) => visits.put(record));
  } catch (error) {
    console.warn("this browser can't keep the photo", error.name);
  }
}

/** Forgets a visit. */
export async function forget(requestId) {
  try {
    await change((visits) => visits.delete(requestId));
  } catch (error) {
    console.warn("this browser keeps no photos", error.name);
  }
}

/** The visits that were not finished, newest first. What is older than a day is deleted. */
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
