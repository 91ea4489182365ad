// How the booth is doing: the figures of a day, anew every 15 s while somebody looks.

import { after } from "../clock.js";
import { $, onTap } from "../dom.js";
import { localized, text, textIfAny } from "../text.js";
import { figuresOf } from "./api.js";
import { element } from "../elements.js";
import { ago, clock, count, date, duration, money } from "./numbers.js";

const REFRESH_MS = 15_000;
const LONGEST_MS = 120_000; // between two tries without a connection
const AGE_MS = 5000;

export class Today {
  #figures = null;
  #shown = ""; // the day that is asked for; "" is today
  #read = 0; // when the figures came, by performance.now()
  #pause = REFRESH_MS;
  #cancel = () => {};
  #isOn = false;
  #event;
  #onSignedOut;

  /** `event`: the EventSettings, read beside the figures; `onSignedOut` is called when the token is taken no more. */
  constructor(event, { onSignedOut }) {
    this.#event = event;
    event.addEventListener("changed", () => this.show());
    this.#onSignedOut = onSignedOut;
    onTap($("refresh"), () => this.refresh());
    $("day").onchange = () => this.#choose($("day").value);
    for (const name of ["online", "visibilitychange"]) {
      addEventListener(name, () => this.#isOn && !document.hidden && this.refresh(), true);
    }
    setInterval(() => this.#tellAge(), AGE_MS);
  }

  /** Begins with these figures, if they have come already; `days`: how many are kept. */
  start(figures, days) {
    this.#isOn = true;
    this.#shown = "";
    $("day").value = "";
    $("day").min = new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
    if (figures) {
      this.#take(figures);
      this.#await(REFRESH_MS);
    } else {
      this.refresh();
    }
  }

  stop() {
    this.#isOn = false;
    this.#cancel();
    this.#figures = null;
    $("figures").replaceChildren();
  }

  /** Asks for the figures now, and then again by itself. */
  async refresh() {
    this.#cancel();
    const day = this.#shown;
    try {
      const [figures] = await Promise.all([figuresOf(day), this.#event.read()]);
      if (this.#isOn && day === this.#shown) {
        this.#take(figures);
      }
      this.#pause = REFRESH_MS;
    } catch (error) {
      this.#pause = Math.min(this.#pause * 2, LONGEST_MS);
      this.#fail(error);
    }
    if (this.#isOn && day === this.#shown) {
      this.#await(this.#pause);
    }
  }

  show() {
    if (this.#figures) {
      $("figures").replaceChildren(...sections(this.#figures, this.#event.values.photosPerDay));
    }
    this.#tellAge();
  }

  #choose(day) {
    this.#shown = day;
    this.#figures = null;
    $("figures").replaceChildren();
    this.refresh();
  }

  #await(milliseconds) {
    this.#cancel();
    this.#cancel = after(milliseconds, () => (document.hidden ? this.#await(milliseconds) : this.refresh()));
  }

  #take(figures) {
    this.#figures = figures;
    this.#read = performance.now();
    $("figures-problem").textContent = "";
    if (!this.#shown) {
      $("day").max = figures.day;
      $("day").value = figures.day;
    }
    this.show();
  }

  #fail({ code, message }) {
    if (!this.#isOn) {
      return;
    }
    if (code === "StaffTokenNeeded") {
      this.#onSignedOut();
    } else {
      $("figures-problem").textContent = code === "Offline" ? text("today.lost") : textIfAny(`error.${code}`) ?? message;
    }
  }

  #tellAge() {
    const seconds = (performance.now() - this.#read) / 1000;
    $("as-of").textContent = this.#figures ? text("today.asOf", {
      day: date(this.#figures.day), time: clock(this.#figures.now * 1000, { second: "2-digit" }), ago: ago(seconds),
    }) : "";
  }
}

/** `ownBudget`: photos a day as staff have set them; null or undefined if they haven't. */
function sections(figures, ownBudget) {
  const parts = [failures, wall, models, scenes, pads].map((part) => part(figures));
  return [totals(figures, ownBudget), ...parts.filter(Boolean)];
}

function totals(figures, ownBudget) {
  const { visits, pictures, waiting, money: spent, budget, first, last, ended = {} } = figures;
  const tiles = [
    ["visits", count(visits), endings(ended)],
    ["pictures", count(pictures), ""],
    ["waiting", waiting ? count(waiting.pictures) : "–", waiting?.pictures ? text("today.for", { time: duration(waiting.seconds) }) : ""],
    ["spent", money(spent?.usd ?? 0), spent?.isEstimate ? text("today.estimate") : ""],
    ["first", time(first?.median), percentile(first)],
    ["last", time(last?.median), percentile(last)],
  ].map(([key, value, more]) => tile(text(`today.${key}`), value, more));
  if (budget) {
    tiles.push(budgetTile(budget, ownBudget));
  }
  return element("dl", { class: "tiles-of-figures" }, ...tiles);
}

function tile(name, value, ...more) {
  const details = more.filter(Boolean).map((each) => element("dd", { class: "hint" }, each));
  return element("div", {}, element("dt", {}, name), element("dd", { class: "figure" }, value), ...details);
}

function budgetTile({ photos, photosPerDay }, ownBudget) {
  const most = Math.min(photosPerDay || Infinity, ownBudget ?? Infinity);
  if (most === Infinity) {
    return tile(text("today.budget"), count(photos), text("today.noLimit"));
  }
  const meter = element("meter", { max: most, value: photos, high: most * 0.9 });
  meter.setAttribute("aria-hidden", "true"); // the numbers beside it say the same
  return tile(text("today.budget"), count(photos), text("today.of", { most: count(most) }), meter);
}

function endings({ SUCCEEDED = 0, PARTIAL = 0, FAILED = 0 }) {
  return text("today.ended", { good: count(SUCCEEDED), partial: count(PARTIAL), failed: count(FAILED) });
}

const time = (seconds) => (seconds == null ? "–" : duration(seconds));
const percentile = (times) => (times?.p95 == null ? "" : text("today.p95", { time: duration(times.p95) }));

/** A heading and a list; null without anything to list. */
function list(title, items, name = "") {
  return items.length ? element("section", {}, element("h2", {}, text(title)), element("ul", { class: `rows ${name}` }, ...items)) : null;
}

function failures({ failures: all = [] }) {
  return list("today.failures", all.map(({ code, count: number, message, advice }) => {
    const sentence = textIfAny(`error.${code}`) ?? message;
    const what = textIfAny(`advice.${code}`) ?? advice ?? "";
    return element("li", {}, element("b", { class: "number" }, count(number)), element("div", {},
      element("p", {}, sentence), element("p", { class: "hint" }, what)));
  }));
}

function wall({ wall: all = {} }) {
  const named = ["shown", "waiting", "refused", "unscored", "would_wait", "would_refuse", "approved", "hidden"];
  return list("today.wall", named.filter((name) => all[name]).map((name) => element("li", {},
    element("p", {}, text(`today.wall.${name}`)), element("b", { class: "number" }, count(all[name])))));
}

function models({ models: all = [] }) {
  return list("today.models", all.map(({ name, state, pictures, failures: failed }) => element("li", {},
    element("div", {}, element("p", {}, name), element("p", { class: "hint" }, text("today.painted", {
      pictures: count(pictures ?? 0), failures: count(failed ?? 0),
    }))),
    element("span", { class: `badge ${state}` }, textIfAny(`model.${state}`) ?? state))));
}

function scenes({ scenes: all = [] }) {
  const most = Math.max(1, ...all.map(({ pictures }) => pictures));
  return list("today.scenes", all.map(({ id, title, pictures }) => {
    const bar = element("meter", { max: most, value: pictures });
    bar.setAttribute("aria-hidden", "true");
    return element("li", {}, element("div", {}, element("p", {}, title ? localized(title) : id), bar),
      element("b", { class: "number" }, count(pictures)));
  }));
}

function pads({ pads: all = [], now }) {
  return list("today.pads", all.map(({ name, seen }) => element("li", {}, element("p", {}, name),
    element("span", { class: "hint" }, text("today.seen", { ago: ago(Math.max(0, now - seen)) })))));
}
