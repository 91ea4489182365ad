// The event's wall: what waits for staff, what is shown, what staff have hidden. One tap decides, and can be undone.

import { after } from "../clock.js";
import { $, GESTURE_MS, onTap } from "../dom.js";
import { element } from "../elements.js";
import { text, textIfAny } from "../text.js";
import { decide, hideVisit, readWall } from "./api.js";
import { clock, count, duration, percent } from "./numbers.js";
import { keyOf, Pictures } from "./pictures.js";
import { askToDelete } from "./visit.js";

const OPEN_MS = 5000; // between two looks
const ELSEWHERE_MS = 30_000; // the same while another tab is open
const LATE_S = 300; // what waits longer is told on every tab
const SETTLE_MS = 10_000; // the booth's lists may come later than its answer to a decision
const STATES = ["waiting", "shown", "hidden"];
const FINAL = ["NotFound", "Deleted", "Hidden", "Conflict"]; // errors of a picture about which nothing can be decided
const KEYS = { KeyS: "shown", KeyH: "hidden" }; // places on the keyboard: a Korean one has other letters there

export class Wall {
  #lists;
  #answer = null; // the booth's last one
  #read = 0; // when it came, by performance.now()
  #asked = 0; // number of the last look: an earlier one's answer is old
  #all = []; // pictures, each with its `state`
  #decided = new Map(); // by keyOf: {state, decided, until, sent}, what was decided here; `sent` settles with the booth's answer
  #gone = new Map(); // by visit: until when it is left out
  #undo = null; // takes the last decision back
  #tapped = -Infinity; // when the last tap decided, by performance.now()
  #visit = null; // of the open dialog
  #isOn = false;
  #isOpen = false;
  #cancel = () => {};
  #onError;

  /** `onError` gives the sentence for a StaffError; `onLook` opens this tab. */
  constructor({ onError, onLook }) {
    this.#onError = onError;
    this.#lists = Object.fromEntries(STATES.map((state) => [state, new Pictures(state, (picture) => this.#make(picture))]));
    for (const name of ["online", "visibilitychange"]) {
      addEventListener(name, () => this.#isOn && !document.hidden && this.refresh(), true);
    }
    document.addEventListener("keydown", (event) => this.#press(event));
    onTap($("late-go"), onLook);
    $("undo").onclick = ({ detail }) => this.#isSecond(detail) || this.#undo?.();
    onTap($("wall-visit-hide"), () => this.#hideVisit());
    onTap($("wall-visit-delete"), () => this.#deleteVisit());
    $("wall-visit-cancel").onclick = () => $("wall-visit").close();
  }

  start() {
    this.#isOn = true;
    this.refresh();
  }

  stop() {
    this.#isOn = false;
    this.#asked += 1;
    this.#cancel();
    this.#answer = null;
    this.#decided.clear();
    Object.values(this.#lists).forEach((list) => list.clear());
    this.#say("");
    this.show();
  }

  /** The tab is opened, or left. */
  open(isOpen) {
    const wasOpen = this.#isOpen;
    this.#isOpen = isOpen;
    if (this.#isOn && isOpen !== wasOpen) {
      Object.values(this.#lists).forEach((list) => list.letIn());
      this.refresh();
      this.#spread();
    }
  }

  /** Asks for the lists now, and then again by itself while somebody looks. Never rejects. */
  async refresh() {
    this.#asked += 1;
    const asked = this.#asked;
    this.#cancel();
    try {
      const answer = await readWall();
      if (asked === this.#asked) {
        this.#answer = answer;
        this.#read = performance.now();
        $("wall-problem").textContent = "";
        this.#spread();
      }
    } catch (error) {
      if (this.#isOn) {
        const sentence = this.#onError(error, "wall");
        $("wall-problem").textContent = error.code === "Offline" ? text("wall.lost") : sentence;
      }
    }
    if (this.#isOn && asked === this.#asked) {
      this.#cancel = after(this.#isOpen ? OPEN_MS : ELSEWHERE_MS, () => document.hidden || this.refresh());
    }
  }

  /** Shows everything in the page's language. */
  show() {
    Object.values(this.#lists).forEach((list) => list.translate());
    this.#spread();
  }

  /** The booth's time, seconds since 1970. */
  get #now() {
    return (this.#answer?.now ?? 0) + (performance.now() - this.#read) / 1000;
  }

  /** Each picture into the list that it belongs to, by the booth's answer and by what was decided since. */
  #spread() {
    const now = performance.now();
    for (const kept of [this.#decided, this.#gone]) {
      kept.forEach(({ until }, key) => until < now && kept.delete(key));
    }
    this.#all = STATES.flatMap((state) => (this.#answer?.[state] ?? []).map((picture) => {
      const own = this.#decided.get(keyOf(picture));
      return own ? { ...picture, state: own.state, decided: own.decided } : { ...picture, state };
    })).filter(({ visit }) => !this.#gone.has(visit));
    for (const state of STATES) {
      const changed = ({ since, decided }) => (state === "waiting" ? since : decided ?? since);
      this.#lists[state].take(this.#all.filter((each) => each.state === state).sort((a, b) => changed(b) - changed(a)));
    }
    this.#tell(this.#all.filter(({ state }) => state === "waiting"));
  }

  /** How many wait, and for how long, on every tab. */
  #tell(waiting) {
    const { count: counted = 0, oldest, waiting: listed = [], moderation } = this.#answer ?? {};
    const all = counted - listed.length + waiting.length;
    const since = all > waiting.length ? oldest : Math.min(...waiting.map((picture) => picture.since));
    const seconds = all > 0 ? this.#now - since : 0;
    const isLate = seconds > LATE_S;
    $("wall-mode").textContent = moderation ? text(`wall.mode.${moderation}`) : "";
    const words = { count: count(all), time: duration(Math.floor(seconds / 60) * 60) };
    for (const state of STATES) {
      $(`${state}-title`).textContent = text(`wall.${state}`);
    }
    if (isLate) { // in a line's room: what stands below must not move
      $("waiting-title").textContent = text("wall.waiting.late", words);
    }
    $("waiting-title").classList.toggle("problem", isLate);
    $("wall-count").hidden = !all;
    $("wall-count").textContent = all ? count(all) : "";
    $("late").hidden = !isLate || this.#isOpen;
    $("late-text").textContent = isLate ? text("wall.late", words) : "";
    document.title = isLate ? `(${count(all)}) ${$("event").textContent}` : $("event").textContent;
  }

  /** The element of a picture: what is known of it, and what can be done about it. */
  #make(picture) {
    const { state, url, since, label, score } = picture;
    const time = clock(since * 1000);
    const named = label && text("wall.reason", { label: textIfAny(`label.${label}`) ?? label, percent: percent(score) });
    const reason = named || (state === "waiting" ? text("wall.unscored") : "");
    return element("li", {},
      element("img", { src: new URL(url, location).pathname, alt: text("wall.picture", { time }) }),
      element("div", {},
        element("p", { class: "hint" }, [reason, time].filter(Boolean).join(" · ")),
        element("p", { class: "problem", role: "alert" }),
        element("div", { class: "ways" }, ...this.#ways(picture))));
  }

  #ways(picture) {
    const button = (key, onclick, name = "") => element("button", { type: "button", class: name, onclick }, text(key));
    const deciding = (key, state, name) => button(key, (event) => this.#tap(event, picture, state), name);
    if (picture.state === "waiting") {
      return [deciding("wall.hide", "hidden"), deciding("wall.show", "shown", "primary")];
    }
    const first = picture.state === "shown" ? deciding("wall.hide", "hidden") : deciding("wall.again", "shown");
    return [first, button("wall.visit", () => this.#openVisit(picture))];
  }

  #tap({ detail }, picture, state) {
    if (!this.#isSecond(detail)) {
      this.#tapped = performance.now();
      this.#decide(picture, state);
    }
  }

  /** Whether a tap is the second of one gesture: it would meet the next picture, or Undo, which come to lie there. */
  #isSecond(detail) {
    return detail && performance.now() - this.#tapped < GESTURE_MS; // detail: 0 from the keyboard
  }

  #press(event) {
    const { code, target, repeat } = event;
    const isForOthers = event.ctrlKey || event.metaKey || event.altKey || target.closest("input, select, dialog");
    if (!this.#isOn || !this.#isOpen || isForOthers) {
      return;
    }
    const { waiting } = this.#lists;
    const step = { ArrowDown: 1, ArrowUp: -1 }[code];
    if (step) {
      event.preventDefault(); // else the page scrolls, too
      waiting.step(step);
    } else if (KEYS[code] && waiting.marked && !repeat) {
      this.#decide(waiting.marked, KEYS[code]);
    } else if (code === "KeyU") {
      this.#undo?.();
    } else if (code === "KeyN") {
      waiting.letIn();
    }
  }

  /** At once on this page; the booth is told, one step of a picture after the other. What fails is told at the picture. */
  #decide(picture, state, isUndo = false) {
    const key = keyOf(picture);
    const moved = { ...picture, state };
    const before = this.#decided.get(key)?.sent ?? Promise.resolve();
    const decision = { state, decided: Math.floor(this.#now), until: Infinity };
    this.#decided.set(key, decision);
    this.#lists[picture.state].remove(picture);
    if (isUndo) {
      this.#lists[state].putBack(moved);
    }
    this.#spread();
    const undo = isUndo ? null : () => this.#decide(moved, picture.state, true);
    this.#say(isUndo ? "wall.undone" : `wall.said.${state}`, undo);
    decision.sent = before.then(() => this.#send(picture, decision));
  }

  /** Never rejects. */
  async #send(picture, decision) {
    try {
      await decide(picture.visit, picture.picture, decision.state);
      decision.until = performance.now() + SETTLE_MS;
    } catch (error) {
      const sentence = this.#onError(error, "wall");
      if (!this.#isOn || this.#decided.get(keyOf(picture)) !== decision) {
        return; // signed out, or decided anew
      }
      this.#decided.delete(keyOf(picture));
      this.#lists[decision.state].remove({ ...picture, state: decision.state });
      this.#lists[picture.state].putBack(picture, sentence, FINAL.includes(error.code));
      this.#say("wall.failed");
    }
  }

  #openVisit(picture) {
    this.#visit = picture.visit;
    $("wall-visit-problem").textContent = "";
    $("wall-visit").showModal();
  }

  async #hideVisit() {
    const visit = this.#visit;
    $("wall-visit-problem").textContent = "";
    try {
      await hideVisit({ visit }, true);
    } catch (error) {
      $("wall-visit-problem").textContent = this.#onError(error, "visit");
      return;
    }
    $("wall-visit").close();
    this.#leaveOut(visit);
    this.#say("wall.visit.hidden", () => this.#showVisit(visit));
  }

  async #showVisit(visit) {
    this.#say("");
    try {
      await hideVisit({ visit }, false);
      this.#gone.delete(visit);
      this.#say("visit.shown");
      await this.refresh();
    } catch (error) {
      $("wall-problem").textContent = this.#onError(error, "visit");
    }
  }

  async #deleteVisit() {
    const visit = this.#visit;
    $("wall-visit").close();
    const { isDone, problem } = await askToDelete({ visit });
    if (isDone && problem) {
      $("wall-problem").textContent = this.#onError(problem, "visit");
    } else if (isDone) {
      this.#leaveOut(visit);
      this.#say("visit.deleted");
    }
  }

  /** Takes a visit's pictures out at once. */
  #leaveOut(visit) {
    this.#gone.set(visit, { until: performance.now() + SETTLE_MS });
    for (const picture of this.#all.filter((each) => each.visit === visit)) {
      this.#lists[picture.state].remove(picture);
    }
    this.#spread();
    this.refresh();
  }

  /** Says what came of the last step, "" for nothing; `undo` takes it back. */
  #say(key, undo = null) {
    this.#undo = undo;
    $("undo-text").textContent = key && text(key);
    $("undo").hidden = !undo;
  }
}
