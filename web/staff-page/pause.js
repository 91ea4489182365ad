// Whether the booth takes photos: the pause, with its reason and its end, and one tap to go on again.

import { $, onTap } from "../dom.js";
import { language, localized, text } from "../text.js";
import { element } from "../elements.js";
import { clock, duration } from "./numbers.js";

const REASONS = [ // in both languages at once: whoever pauses the booth needn't know both
  { en: "A short break. We are back soon.", ko: "잠시 쉬는 시간입니다. 곧 돌아옵니다." },
  { en: "The booth is being looked after.", ko: "부스를 점검하고 있습니다." },
  { en: "The stage programme is on. The booth goes on after it.", ko: "무대 행사 중입니다. 행사가 끝나면 다시 시작합니다." },
  { en: "The booth is closed for today. Thank you!", ko: "오늘 부스 운영을 마쳤습니다. 감사합니다!" },
];
const MINUTES = [15, 30, 60, 120];
const OPEN_END = "0";
const AT_TIME = "time";
const DAY_MS = 86_400_000;
const SHOWN_MS = 10_000; // a pause that ends by itself is seen to end

export class Pause {
  #event;
  #onError;

  /** `event`: the EventSettings; `onError` gives the sentence for a StaffError. */
  constructor(event, { onError }) {
    this.#event = event;
    this.#onError = onError;
    onTap($("pause"), () => this.#open());
    onTap($("go-on"), () => this.#write(null, $("go-on"), $("state-problem")));
    $("no-pause").onclick = () => $("pause-dialog").close();
    $("reason").onchange = () => this.#fill();
    $("until-when").onchange = () => this.#showTime();
    $("pause-form").onsubmit = (submitted) => {
      submitted.preventDefault();
      this.#begin();
    };
    event.addEventListener("changed", () => this.show());
    setInterval(() => this.show(), SHOWN_MS);
  }

  show() {
    const { isRead, paused } = this.#event;
    $("desk").classList.toggle("paused", Boolean(paused));
    say("state-title", text(paused ? "state.paused" : isRead ? "state.open" : "state.unknown"));
    say("state-text", paused ? `${localized(paused.reason)} ${this.#end(paused)}` : "");
    $("go-on").hidden = !paused;
    $("pause").hidden = !isRead || Boolean(paused);
  }

  #end({ until }) {
    return until ? text("pause.ends", { time: clock(until * 1000) }) : text("pause.open");
  }

  #open() {
    const reasons = REASONS.map((reason, index) => element("option", { value: index }, reason[language] ?? reason.en));
    $("reason").replaceChildren(...reasons, element("option", { value: "" }, text("pause.own")));
    const now = Date.now();
    const ends = MINUTES.map((minutes) => {
      const what = { time: clock(now + minutes * 60_000), duration: duration(minutes * 60) };
      return element("option", { value: minutes }, text("pause.for", what));
    });
    const others = [[OPEN_END, "pause.open"], [AT_TIME, "pause.at"]]
      .map(([value, key]) => element("option", { value }, text(key)));
    $("until-when").replaceChildren(...ends, ...others);
    $("pause-problem").textContent = "";
    this.#fill();
    this.#showTime();
    $("pause-dialog").showModal();
  }

  #fill() {
    const reason = REASONS[$("reason").value] ?? { en: "", ko: "" };
    $("reason-en").value = reason.en;
    $("reason-ko").value = reason.ko;
  }

  #showTime() {
    const isShown = $("until-when").value === AT_TIME;
    document.querySelectorAll(".at-time").forEach((each) => { each.hidden = !isShown; });
    $("until-time").required = isShown;
  }

  /** Seconds since 1970; a time of day that has passed is tomorrow's. */
  #until() {
    const { value } = $("until-when");
    if (value === OPEN_END) {
      return 0;
    }
    if (value !== AT_TIME) {
      return Math.ceil(Date.now() / 1000) + Number(value) * 60;
    }
    const [hours, minutes] = $("until-time").value.split(":").map(Number);
    const at = new Date().setHours(hours, minutes, 0, 0);
    return Math.round((at > Date.now() ? at : at + DAY_MS) / 1000);
  }

  async #begin() {
    const reason = { en: $("reason-en").value.trim(), ko: $("reason-ko").value.trim() };
    const submit = $("pause-form").querySelector("[type=submit]");
    if (await this.#write({ until: this.#until(), reason }, submit, $("pause-problem"))) {
      $("pause-dialog").close();
    }
  }

  /** Whether it was written; `problem` says why not. */
  async #write(paused, button, problem) {
    button.disabled = true;
    problem.textContent = "";
    try {
      await this.#event.pause(paused);
    } catch (error) {
      problem.textContent = this.#onError(error);
      return false;
    } finally {
      button.disabled = false;
    }
    return true;
  }
}

/** A reader that reads on is not interrupted by what stays the same. */
function say(id, words) {
  if ($(id).textContent !== words) {
    $(id).textContent = words;
  }
}
