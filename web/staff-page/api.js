// The staff's calls. Each is tried once: somebody stands before this page and sees what came of it.

import { after } from "../clock.js";
import { store, stored } from "../storage.js";

const TIMEOUT_MS = 30_000;
const TOKEN = "staff-token"; // in this browser's local storage

/** `code`: the API's, "StaffTokenNeeded" for each 401, "Offline" without an answer of the booth; `field`: the wrong one. */
export class StaffError extends Error {
  constructor(code, { message = code, field = "" } = {}) {
    super(message);
    this.code = code;
    this.field = field;
  }
}

export function staffToken() {
  return stored("localStorage", TOKEN) ?? "";
}

/** Stores the token on this device, or removes it (null). */
export function keepStaffToken(token) {
  store("localStorage", TOKEN, token);
}

/** The figures of a day (GET /staff/today), today's without one. Throws StaffError. */
export function figuresOf(day = "", token = staffToken()) {
  return call("GET", `/staff/today${day && `?day=${day}`}`, { token });
}

/** Writes the event's settings (PUT /staff/settings), whole; gives their new version. Throws StaffError. */
export async function writeEvent(event) {
  return (await call("PUT", "/staff/settings", { value: event, token: staffToken() })).version;
}

/** The event's settings as they are; {version: 0} if nobody has set any. Throws StaffError Offline. */
export async function readEvent() {
  const { status, answer } = await ask("GET", "/event.json", {});
  if (status === 403 || status === 404) { // the bucket tells nobody but its owner that an object is missing
    return { version: 0 };
  }
  if (status !== 200 || !Number.isInteger(answer.version)) {
    throw new StaffError("Offline");
  }
  return answer;
}

/** Takes a visit, {requestId} or {visit}, from view, or shows it again (POST /staff/hide). Throws StaffError. */
export function hideVisit(visit, hidden) {
  return call("POST", "/staff/hide", { value: { ...visit, hidden }, token: staffToken() });
}

/** Deletes a visit: {requestId} by the right that its link gives (DELETE /photo), {visit} by staff's. Throws StaffError. */
export function deleteVisit(visit) {
  const request = { value: visit, token: visit.requestId ? undefined : staffToken() };
  return call("DELETE", visit.requestId ? "/photo" : "/staff/photo", request);
}

/** What is for the wall (GET /staff/wall): {now, moderation, waiting, shown, hidden, count, oldest}. Throws StaffError. */
export function readWall() {
  return call("GET", "/staff/wall", { token: staffToken() });
}

/** Decides about a picture of a visit (POST /staff/wall): "shown", "hidden" or "waiting". Throws StaffError. */
export function decide(visit, picture, state) {
  return call("POST", "/staff/wall", { value: { visit, picture, state }, token: staffToken() });
}

/** The parsed answer to a call. Throws StaffError. */
async function call(method, path, request) {
  const { status, answer } = await ask(method, path, request);
  if (status === 401) {
    throw new StaffError("StaffTokenNeeded");
  }
  if (status >= 400) {
    throw new StaffError(answer.error?.code ?? "Unknown", answer.error);
  }
  return answer;
}

/** One request: {status, answer}. Throws StaffError Offline: no answer, or one that is not the booth's. */
async function ask(method, path, { value, token }) {
  const headers = value ? { "Content-Type": "application/json" } : {};
  if (token) {
    headers.Authorization = `Bearer ${token}`;
  }
  const own = new AbortController();
  const cancel = after(TIMEOUT_MS, () => own.abort());
  const request = { method, headers, body: JSON.stringify(value), signal: own.signal, cache: "no-store" };
  try {
    const response = await fetch(path, request);
    const isMissing = path === "/event.json" && [403, 404].includes(response.status); // S3 says so in XML
    return { status: response.status, answer: isMissing ? {} : await response.json() };
  } catch {
    throw new StaffError("Offline");
  } finally {
    cancel();
  }
}
