// The screen of one visit, on the pad and on the visitor's phone: progress, pictures, and what one can do with them.

import { after, within } from "../clock.js";
import { ask } from "../dialogs.js";
import { $, onTap, show } from "../dom.js";
import { canShare, save, share } from "../pictures.js";
import { errorText, formatDuration, pauseText, text } from "../text.js";
import { isPhotoUnusable } from "../visit.js";
import { Progress } from "./progress.js";
import { Tiles } from "./tiles.js";

const LATE_MS = 45_000;
const COPY_MS = 3000;
const PRINT_MS = 10_000;
const COPIED_MS = 4000;
const IS_HERE = /^(localhost|127\.0\.0\.1|\[::1\])$/.test(location.hostname); // no phone gets there

const GONE = ["hidden", "missing", "deleted"]; // phases without anything to see
const STEPS = ["send", "find", "cut", "paint"];
const STEP_OF = { // the API's `step`; an unknown one leaves the shown step as it is
  upload: "find", queue: "find", detect: "find", crop: "cut", segment: "cut", merge: "cut", wait: "paint",
  generate: "paint",
};

export class VisitScreen {
  #session;
  #generate; // makes a QR code
  #onBusy;
  #tiles;
  #viewer = null; // once there are pictures
  #printer = null; // once it was wanted
  #onWall; // once a picture was for the wall
  #progress = new Progress({ onTick: () => this.#showProgress() });
  #visit = null; // that is shown
  /** The visits before it of the same photo. */
  former = [];
  #isLate = false;
  #cancelLate = () => {};
  #isBusy = false;

  /** onBusy: the page has begun to work on the visit, or has no more to do for it; onDeleted: everywhere. */
  constructor(session, { generate, onBusy, onAgain, onAnother, onOtherScenes, onDone, onDeleted }) {
    this.#session = session;
    this.#generate = generate;
    this.#onBusy = onBusy;
    this.#tiles = new Tiles(session, {
      onLoad: () => {
        this.#loadViewer().catch(() => {});
        this.refresh();
      },
      onEnlarge: (tile) => this.#enlarge(tile),
    });
    document.addEventListener("translated", () => this.refresh());
    $("again").onclick = onAgain;
    $("another").onclick = onAnother;
    $("other-scenes").onclick = onOtherScenes;
    $("done").onclick = onDone;
    onTap($("share-all"), () => share(this.#files));
    onTap($("save-all"), () => save(this.#files, session.isPhone));
    $("copy-link").onclick = () => this.#copyLink();
    onTap($("print-all"), () => this.#print(this.#files));
    $("delete").onclick = () => this.#delete(onDeleted);
  }

  get visit() {
    return this.#visit;
  }

  open(visit, former = []) {
    show("visit");
    this.close();
    this.former = former;
    this.#isBusy = false;
    this.#visit = visit;
    this.#isLate = false;
    this.#progress.start();
    visit.onChange = () => this.refresh();
    this.#cancelLate = after(LATE_MS, () => {
      this.#isLate = true;
      this.refresh();
    });
    if (!this.#session.isPhone) {
      this.draw(visit, $("qr"));
    }
    this.refresh();
  }

  /**
   * Leaves the visit and forgets what is shown; isIdle: but not what may still be printed. Resolves once a reload
   * doesn't show it either.
   */
  async close({ isIdle = false } = {}) {
    this.#cancelLate();
    this.#progress.stop();
    const left = this.#visit?.leave();
    this.#visit = null;
    this.former = [];
    this.#clearPictures(isIdle);
    await left;
  }

  /** The page goes away: a photo that the booth keeps is kept only for a visit that a reload shows again. */
  endKeeping() {
    if (this.#visit?.state.phase === "ended" || !this.#visit?.record.blob) {
      this.#visit?.endKeeping();
    }
  }

  /** Paints the QR code of a visit's link. */
  draw = (visit, canvas) => {
    this.#generate(linkOf(visit)).toCanvas(canvas, { on: [14, 11, 22, 255], off: [255, 255, 255, 255] });
  };

  /** Whether the photo can be had in other scenes. */
  #hasMore(phase, error) {
    const { record, furtherLeft = this.#session.settings.again } = this.#visit;
    const isThere = phase === "ended" || phase === "failed" && !record.blob && error.code !== "PhotoNotKept";
    return isThere && Boolean(record.keeps) && furtherLeft > 0;
  }

  refresh() {
    if (!this.#visit) {
      return;
    }
    const { phase, answer, error } = this.#visit.state;
    const { isPhone } = this.#session;
    $("visit").dataset.phase = phase;
    this.#showProgress();
    markStep(phase === "sending" ? "send" : STEP_OF[answer?.step ?? "upload"]);
    const isGone = $("visit").classList.toggle("gone", GONE.includes(phase));
    if (isGone) {
      this.#clearPictures();
    } else {
      this.#tiles.show(this.#visit);
      this.#showWall();
    }
    $("work").hidden = !["sending", "working"].includes(phase);
    $("phone-card").hidden = isPhone || isGone || phase === "failed";
    if (IS_HERE) {
      $("qr-title").textContent = text("qr.hereTitle");
      $("qr-text").textContent = text("qr.here");
    }
    this.#showButtons(phase, error);
    this.#tiles.layOut();
    this.#reportBusy();
  }

  #showProgress() {
    this.#progress.show(this.#visit.state);
    this.#announce(...this.#statusAndNote());
  }

  #clearPictures(isIdle = false) {
    this.#viewer?.close();
    $("by-hand").close();
    this.#tiles.clear();
    this.#printer?.close({ isIdle });
  }

  get #files() {
    return this.#tiles.pictures.map(({ file }) => file);
  }

  /** [status, note]: the heading above the pictures, and the line below it. */
  #statusAndNote() {
    const { phase, trouble, pause, answer, error } = this.#visit.state;
    const { retentionDays: days } = this.#session.settings.privacy;
    const pictures = answer?.pictures ?? [];
    const done = pictures.filter(({ state }) => state === "DONE").length;
    if (phase === "failed") {
      return [text("status.failed"), errorText(error)];
    }
    if (GONE.includes(phase)) {
      return [text(`status.${phase}`), text(`note.${phase}`, { days })];
    }
    if (phase === "ended") {
      return done === pictures.length
        ? [text("status.done"), ""]
        : [text("status.partial", { done, all: pictures.length }), text("note.partial")];
    }
    if (trouble === "paused") {
      return [text("status.saved"), `${pauseText(pause)} ${text("note.paused")}`];
    }
    const note = trouble === "lost" && phase === "sending" ? "kept" : trouble;
    return [this.#statusText(), trouble ? text(`note.${note}`) : this.#waitNote(answer)];
  }

  /** The note below the status of a photo that needs time: "" while it takes no longer than usual. */
  #waitNote(answer) {
    const { isPhone } = this.#session;
    if (answer?.waiting_seconds || this.#progress.isLastToCome) {
      return text(isPhone ? "note.turnPhone" : "note.turn");
    }
    return this.#isLate ? text(isPhone ? "note.latePhone" : "note.late") : "";
  }

  /** The heading while pictures are to come. */
  #statusText() {
    const { phase, share: sent, trouble, answer } = this.#visit.state;
    if (phase === "sending") {
      return trouble === "lost" ? text("status.saved") : text("status.sending", { percent: Math.floor(sent * 100) });
    }
    if (!answer) {
      return text(this.#session.isPhone ? "status.asking" : "status.find");
    }
    const all = answer.pictures.length || 1;
    const { firstSeconds, isLastToCome, secondsLeft: seconds } = this.#progress;
    if (isLastToCome) {
      const first = formatDuration(answer.waiting_seconds + Math.max(1, firstSeconds));
      const key = answer.pictures.some(({ state }) => state === "DONE") ? "last" : "turns";
      return text(`status.${key}`, { first, all, last: formatDuration(seconds) });
    }
    if (answer.waiting_seconds) {
      return text("status.turn", { time: formatDuration(answer.waiting_seconds) });
    }
    if (answer.status === "QUEUED") {
      return text("status.queue");
    }
    const step = STEP_OF[answer.step] ?? "paint";
    if (step !== "paint") {
      return text(`status.${step}`);
    }
    const what = text(all === 1 ? "status.picture" : "status.pictures", { all });
    return seconds > 0 ? text("status.paint", { what, time: formatDuration(seconds) }) : text("status.soon", { what });
  }

  /** Shows both; the live region for screen readers leaves out what only changes a percentage. */
  #announce(status, note) {
    const { phase, trouble } = this.#visit.state;
    const announced = phase === "sending" && !trouble ? text("step.send") : `${status}. ${note}`;
    for (const [id, content] of [["status", status], ["note", note], ["announce", announced]]) {
      if ($(id).textContent !== content) {
        $(id).textContent = content;
      }
    }
  }

  /** Shows the buttons that this phase has, and hides the others. */
  #showButtons(phase, error) {
    const { isPhone, settings } = this.#session;
    const files = this.#files;
    const isOver = !["sending", "working"].includes(phase);
    const hasFailed = phase === "failed";
    $("again").hidden = !hasFailed || !this.#visit.record.blob || isPhotoUnusable(error.code);
    $("another").hidden = isPhone || !(hasFailed || phase === "ended");
    $("another").textContent = text(hasFailed ? "another" : "more");
    $("other-scenes").hidden = !this.#hasMore(phase, error);
    $("former").hidden = !this.former.length || phase === "deleted";
    $("share-all").hidden = !isPhone || !files.length || !canShare(files);
    $("save-all").hidden = !files.length || !(isPhone || isOver && settings.save);
    $("copy-link").hidden = !isPhone || isOver && !files.length;
    $("print-all").hidden = isPhone || !files.length || !isOver || !canPrint(settings);
    $("done").hidden = isPhone;
    $("done").textContent = text(isOver && !hasFailed ? "done" : "leave");
    $("delete").hidden = phase === "deleted" || phase === "missing" || error?.code === "WrongLink";
    $("until").textContent = isPhone && files.length
      ? text("note.until", { days: settings.privacy.retentionDays }) : "";
  }

  /** Where the browser refuses, or doesn't answer, the link is shown to be copied by hand. */
  async #copyLink() {
    const link = linkOf(this.#visit);
    try {
      await within(COPY_MS, navigator.clipboard.writeText(link));
    } catch {
      const { showByHand } = await import("../by-hand.js");
      showByHand("copyLink.hand", [Object.assign(document.createElement("input"), { value: link, readOnly: true })]);
      return;
    }
    const say = (key) => { $("copy-link").textContent = text($("copy-link").dataset.text = key); };
    say("copyLink.done");
    after(COPIED_MS, () => say("copyLink"));
  }

  /** Loaded only now: what few visits need. */
  async #print(files) {
    const visit = this.#visit;
    try {
      const { Printer } = await within(PRINT_MS, import("../print.js"));
      this.#printer ??= new Printer(this.#session);
      if (visit === this.#visit) {
        await this.#printer.open(files, visit.record.requestId, this.#generate(linkOf(visit)));
      }
    } catch {
      $("note").textContent = text("note.lost");
    }
  }

  /** Nobody needs it before there are pictures, and with the first there is a connection. */
  async #loadViewer() {
    const { Viewer } = await import("./viewer.js");
    this.#viewer ??= new Viewer(this.#session, this.#tiles, { canPrint, onPrint: (files) => this.#print(files) });
  }

  async #enlarge(tile) {
    const visit = this.#visit;
    if (!this.#viewer) {
      await this.#loadViewer().catch(() => { $("note").textContent = text("note.lost"); });
    }
    if (visit === this.#visit) {
      this.#viewer?.open(tile);
    }
  }

  /** Loaded only where a picture is for the wall. */
  async #showWall() {
    const visit = this.#visit;
    if (visit.state.answer?.pictures?.some(({ wall }) => wall)) {
      const loaded = await import("./onwall.js").catch(() => {}); // else the next answer loads it
      this.#onWall ??= loaded && new loaded.OnWall(this.#tiles);
      if (visit === this.#visit) {
        this.#onWall?.show(visit);
      }
    }
  }

  #reportBusy() {
    const { phase, trouble } = this.#visit.state;
    const isBusy = ["sending", "working"].includes(phase) && !["lost", "paused"].includes(trouble);
    if (isBusy !== this.#isBusy) {
      this.#isBusy = isBusy;
      this.#onBusy(isBusy);
    }
  }

  async #delete(onDeleted) {
    const visit = this.#visit;
    const former = this.former;
    const isDeleted = await ask({
      title: "delete.title",
      message: "delete.text",
      yes: "delete.yes",
      no: "delete.no",
      working: "delete.working",
      failed: "delete.failed",
      onYes: async () => {
        for (const each of [...former, visit]) {
          await each.delete();
        }
      },
    });
    if (isDeleted && visit === this.#visit) { // else the visitor has gone on meanwhile
      onDeleted();
    }
  }
}

/** Whether the pad prints. */
function canPrint({ print, copies }) {
  return print && copies > 0;
}

/** What a phone opens. What follows the # never reaches a server. */
function linkOf({ record }) {
  return `${location.origin}/#visit=${record.requestId}`;
}

/** Marks one of STEPS as the current one and those before it as done. */
function markStep(step) {
  if (!step) {
    return;
  }
  const at = STEPS.indexOf(step);
  for (const item of $("steps").children) {
    const index = STEPS.indexOf(item.dataset.step);
    item.className = index < at ? "done" : "";
    item.setAttribute("aria-current", index === at ? "step" : "false");
  }
}
