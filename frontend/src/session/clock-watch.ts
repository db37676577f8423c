/** How often the clocks are compared. */
const CHECK_MS = 1_000;
/** A check that comes later than this was delayed by a sleep; browsers also delay it in tabs in the background. */
const SLEPT_MS = 15_000;
/** Smaller changes, such as the corrections of a time server, make no difference to what the page shows. */
const SET_MS = 1_000;

export interface ClockListener {
  /** The device or the tab may have slept. */
  readonly onSlept: () => void;
  /** The wall clock and the monotonic clock disagree: somebody set the clock, or the device slept. */
  readonly onClockSet: () => void;
}

/** Watch the clocks of this device, which nothing else reports; returns a function that stops this. */
export function watchClock({ onSlept, onClockSet }: ClockListener): () => void {
  let last = [Date.now(), performance.now()] as const;
  const timer = setInterval(() => {
    const now = [Date.now(), performance.now()] as const;
    const [wall, monotonic] = [now[0] - last[0], now[1] - last[1]];
    last = now;
    if (Math.max(wall, monotonic) > SLEPT_MS) onSlept();
    if (Math.abs(wall - monotonic) > SET_MS) onClockSet();
  }, CHECK_MS);
  return () => clearInterval(timer);
}
