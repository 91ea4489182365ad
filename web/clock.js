// Time limits, and timers that go by the clock: a device's own timers sleep with it.

const TICK_MS = 1000;
const GAP_MS = 10_000; // between two ticks: the device has slept
const alarms = new Set();

/** Calls `action` once when so much time has passed, at the latest when the device wakes up. Gives what cancels it. */
export function after(milliseconds, action) {
  const alarm = { due: Date.now() + milliseconds, action };
  const timer = setTimeout(() => {
    alarm.due = -Infinity; // also if somebody has set the clock back
    ring();
  }, milliseconds);
  alarm.cancel = () => {
    clearTimeout(timer);
    alarms.delete(alarm);
  };
  alarms.add(alarm);
  return alarm.cancel;
}

/** What was due last comes first: the end of a visit cancels what the visit waited for. */
function ring() {
  const now = Date.now();
  for (const alarm of [...alarms].filter(({ due }) => due <= now).sort((a, b) => b.due - a.due)) {
    if (alarms.has(alarm)) {
      alarm.cancel();
      alarm.action();
    }
  }
}

let ticked = Date.now();

function tick() {
  const gap = Date.now() - ticked;
  ticked = Date.now();
  ring();
  if (gap > GAP_MS) {
    document.dispatchEvent(new Event("woke"));
  }
}

setInterval(tick, TICK_MS); // not every sleep is told
for (const name of ["visibilitychange", "pageshow", "focus"]) {
  addEventListener(name, tick, true);
}

/** Counts seconds down; `onSecond` is called at once, too, with what is left. Gives what cancels it. */
export function countDown(seconds, onSecond, onEnd) {
  const due = Date.now() + seconds * 1000;
  const dueAwake = performance.now() + seconds * 1000;
  let cancelTick;
  const tick = () => {
    cancelTick = after(1000, tick);
    const left = Math.min(due - Date.now(), dueAwake - performance.now());
    onSecond(Math.max(1, Math.ceil(left / 1000)));
  };
  const cancelEnd = after(seconds * 1000, () => {
    cancelTick();
    onEnd();
  });
  tick();
  return () => {
    cancelTick();
    cancelEnd();
  };
}

export function sleep(milliseconds) {
  return new Promise((resolve) => { after(milliseconds, resolve); });
}

/** What `promise` gives, if it does so in time; else throws TimeoutError (DOMException). */
export function within(milliseconds, promise) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new DOMException("", "TimeoutError")), milliseconds); // sleeps as `promise` does
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
