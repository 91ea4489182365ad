// The event's settings: what the deployment says, and what the staff have set over it (event.json).

import { loadSettings } from "../settings.js";
import { readEvent, StaffError, writeEvent } from "./api.js";

const FIELDS = ["title", "languages", "scenes", "mostScenes", "frame", "logo", "photosPerDay", "again", "copies"];

export class EventSettings extends EventTarget {
  #event = { version: 0 };
  #deployed = {};
  isRead = false;

  get version() {
    return this.#event.version;
  }

  /** {until, reason}, or null; `until`: seconds since 1970, 0 for until further notice. */
  get paused() {
    const { paused } = this.#event;
    return paused && (!paused.until || paused.until * 1000 > Date.now()) ? paused : null;
  }

  /** What is in force of each field that can be set, by its name. */
  get values() {
    return Object.fromEntries(FIELDS.map((name) => [name, this.#event[name] ?? this.#deployed[name]]));
  }

  /** What the deployment says, by the field's name. */
  get deployed() {
    return this.#deployed;
  }

  /** Reads what is in force ("changed"). Throws StaffError Offline. */
  async read() {
    const [event, { settings }] = await Promise.all([readEvent(), this.isRead ? {} : loadSettings()]);
    if (settings) {
      const { title, languages, mostScenes, frame, logo, again = 2, copies = 3 } = settings;
      // No scenes: the whole catalogue is offered. No photosPerDay: the deployment's own limit.
      this.#deployed = { title, languages, scenes: [], mostScenes, frame, logo, photosPerDay: null, again, copies };
    }
    this.isRead = true;
    if (event.version >= this.#event.version) { // an older one is a late answer
      this.#take(event);
    }
  }

  /** Pauses the booth, or lets it go on (null); whatever else somebody has changed meanwhile stays. Throws StaffError. */
  async pause(paused) {
    try {
      await this.#write({ ...this.#event, paused });
    } catch (error) {
      if (error.code !== "Conflict") {
        throw error;
      }
      await this.read();
      await this.#write({ ...this.#event, paused });
    }
  }

  /** Writes these values; those that are the deployment's are left to it. Throws StaffError. */
  async save(values) {
    const wanted = { ...this.#event };
    for (const [name, value] of Object.entries(values)) {
      wanted[name] = isSame(value, this.#deployed[name]) ? undefined : value; // JSON leaves it out
    }
    await this.#write(wanted);
  }

  async #write(event) {
    if (!this.isRead) {
      throw new StaffError("Offline"); // nobody knows what it would replace
    }
    const version = await writeEvent(event);
    this.#take({ ...event, version });
  }

  #take(event) {
    this.#event = event;
    this.dispatchEvent(new Event("changed"));
  }
}

export function isSame(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}
