// Numbers, money and times in the form of the page's language.

import { language } from "../text.js";

const DAY_S = 86_400;

const format = (value, options) => new Intl.NumberFormat(language, options).format(value);

export const count = (value) => format(value);
export const money = (usd) => format(usd, { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol" });

/** A share in words; `value`: 0 to 100. */
export const percent = (value) => format(value / 100, { style: "percent" });

/** Seconds such as "9.4 sec"; from two minutes on in minutes. */
export function duration(seconds) {
  const [value, unit] = seconds < 120 ? [seconds, "second"] : [seconds / 60, "minute"];
  return format(value, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: value < 100 ? 1 : 0 });
}

/** How long ago that was, such as "3 min. ago"; `seconds`: at least 0. */
export function ago(seconds) {
  const units = [[DAY_S, "day"], [3600, "hour"], [60, "minute"], [0, "second"]];
  const [size, unit] = units.find(([least]) => seconds >= least);
  return new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" })
    .format(-Math.floor(seconds / (size || 1)), unit);
}

/** A time of day, with the day where it is another one than today's; `time`: milliseconds since 1970. */
export function clock(time, options = {}) {
  const isToday = new Date(time).toDateString() === new Date().toDateString();
  const day = isToday ? {} : { month: "short", day: "numeric" };
  return new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit", ...day, ...options }).format(time);
}

/** A day such as "2026-11-28" in words. */
export function date(day) {
  const options = { weekday: "short", month: "long", day: "numeric", timeZone: "UTC" };
  return new Intl.DateTimeFormat(language, options).format(new Date(`${day}T00:00Z`));
}
