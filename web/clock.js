// Time limits, and timers that go by the clock: a device's own timers sleep with it.

const TICK_MS = 1000;
const alarms = new Set();

/**
 * Calls `action` once when so much time has passed, by the clock: at the latest when the device has woken up.
 *
 * @param {number} milliseconds
 * @param {() => void} action
 * @returns {() => void}  cancels it
 */
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

setInterval(ring, TICK_MS); // not every sleep is told
for (const name of ["visibilitychange", "pageshow", "focus"]) {
  addEventListener(name, ring, true);
}

/**
 * Waits.
 *
 * @param {number} milliseconds
 * @returns {Promise<void>}
 */
export function sleep(milliseconds) {
  return new Promise((resolve) => { after(milliseconds, resolve); });
}

/**
 * What `promise` gives, if it does so in time.
 *
 * @template T
 * @param {number} milliseconds
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 * @throws {DOMException} TimeoutError
 */
export function within(milliseconds, promise) {
  return new Promise((resolve, reject) => {
    const cancel = after(milliseconds, () => reject(new DOMException("", "TimeoutError")));
    promise.then(resolve, reject).finally(cancel);
  });
}
