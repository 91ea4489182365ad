// One visit, shown by its visitor's QR code: take it from view, show it again, delete it. Its pictures are not shown here.

import { ask } from "../dialogs.js";
import { $, onTap } from "../dom.js";
import { text } from "../text.js";
import { deleteVisit, hideVisit } from "./api.js";
import { scan } from "./scan.js";

const ID = /^[A-Za-z0-9_-]{8,64}$/;

/** The requestId that a visit's link or a text names; "" if none. */
export function requestIdOf(words) {
  const [, ofLink] = words.match(/#visit=([^&\s]+)/) ?? [];
  const id = (ofLink ?? words).trim();
  return ID.test(id) ? id : "";
}

/**
 * Asks whether a visit, {requestId} or {visit}, is to be deleted, and deletes it: {isDone, problem}; `problem`: the
 * StaffError, or null. Without a connection it may be tried again there.
 */
export async function askToDelete(visit) {
  let problem = null;
  const isDone = await ask({
    title: "visit.delete.title",
    message: "visit.delete.text",
    yes: "visit.delete.yes",
    no: "visit.delete.no",
    working: "visit.delete.working",
    failed: "visit.delete.failed",
    onYes: () => deleteVisit(visit).catch((error) => {
      problem = error;
      if (error.code === "Offline") {
        throw error;
      }
    }),
  });
  return { isDone, problem };
}

export class VisitOfSomebody {
  #id = "";
  #isDeleted = false;
  #said = ""; // key of what came of the last step
  #scanning = null; // an AbortController
  #onError;

  /** `onError` gives the sentence for a StaffError. */
  constructor({ onError }) {
    this.#onError = onError;
    onTap($("scan"), () => this.#scan());
    $("stop-scan").onclick = () => this.stop();
    $("link-form").onsubmit = (event) => {
      event.preventDefault();
      this.#take($("link").value, $("link-problem"));
    };
    onTap($("hide-visit"), () => this.#hide(true, "visit.hidden"));
    onTap($("show-visit"), () => this.#hide(false, "visit.shown"));
    onTap($("delete-visit"), () => this.#delete());
    onTap($("another-visit"), () => this.close());
  }

  /** Lets the camera go. */
  stop() {
    this.#scanning?.abort();
  }

  /** Forgets the visit. */
  close() {
    this.stop();
    const isFound = !$("found").hidden;
    this.#id = "";
    this.#said = "";
    this.#isDeleted = false;
    $("link").value = "";
    this.show();
    if (isFound && $("finder").checkVisibility()) {
      $("scan").focus();
    }
  }

  show() {
    $("finder").hidden = Boolean(this.#id);
    $("found").hidden = !this.#id;
    $("found-title").textContent = text("visit.found", { id: this.#id.slice(-6) });
    $("found-done").textContent = this.#said && text(this.#said);
    for (const id of ["hide-visit", "show-visit", "delete-visit", "hide-text", "show-text", "delete-text"]) {
      $(id).hidden = this.#isDeleted;
    }
  }

  async #scan() {
    const own = new AbortController();
    this.#scanning = own;
    $("scan-problem").textContent = "";
    this.#showScanner(true);
    try {
      const words = await scan($("scanner"), own.signal);
      if (words !== null) {
        this.#take(words, $("scan-problem"));
      }
    } catch ({ message }) {
      $("scan-problem").textContent = text(`scan.${message}`);
    }
    this.#scanning = null;
    this.#showScanner(false);
  }

  #showScanner(isOn) {
    $("scanner").hidden = !isOn;
    $("scan").hidden = isOn;
    $("stop-scan").hidden = !isOn;
  }

  #take(words, problem) {
    this.#id = requestIdOf(words);
    this.#said = "";
    problem.textContent = this.#id ? "" : text("visit.wrong");
    $("found-problem").textContent = "";
    if (this.#id) {
      this.show();
      $("found-title").focus();
    }
  }

  async #hide(hidden, said) {
    const id = this.#id;
    const buttons = [$("hide-visit"), $("show-visit"), $("delete-visit")];
    const focused = document.activeElement;
    buttons.forEach((button) => { button.disabled = true; });
    this.#say("");
    try {
      await hideVisit({ requestId: id }, hidden);
      if (id === this.#id) {
        this.#say(said);
      }
    } catch (error) {
      $("found-problem").textContent = this.#onError(error, "visit");
    }
    buttons.forEach((button) => { button.disabled = false; });
    focused?.focus();
  }

  async #delete() {
    const { isDone, problem } = await askToDelete({ requestId: this.#id });
    if (isDone && problem) {
      $("found-problem").textContent = this.#onError(problem, "visit");
    } else if (isDone) {
      this.#isDeleted = true;
      this.#say("visit.deleted");
      this.show();
      $("another-visit").focus();
    }
  }

  #say(key) {
    this.#said = key;
    $("found-problem").textContent = "";
    $("found-done").textContent = key && text(key);
  }
}
