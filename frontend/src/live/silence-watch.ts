/** How often the silence is measured. */
const TICK_MS = 5_000;
/** After how many intervals without a heartbeat a connection counts as dead. */
const PATIENCE = 2.5;
/** The same after the device or the tab may have slept: timers didn't run, and the connection is probably gone. */
const PATIENCE_AFTER_SLEEP = 1.4;

/** The interval of heartbeats, unless the server has sent another one. */
export const HEARTBEAT_MS = 15_000;

/**
 * Notices that a connection is dead although nothing has closed it: the server sends something in each interval.
 *
 * It compares wall-clock times, because other clocks and timers stop while the device sleeps.
 */
export class SilenceWatch {
  private timer: ReturnType<typeof setInterval> | undefined;
  private heardAt = 0;
  private intervalMs = HEARTBEAT_MS;

  /** `onSilence` is called once, with the watch stopped. */
  constructor(private readonly onSilence: () => void) {}

  start(intervalMs = HEARTBEAT_MS): void {
    this.stop();
    this.intervalMs = intervalMs;
    this.heardAt = Date.now();
    this.timer = setInterval(() => this.check(PATIENCE), Math.min(TICK_MS, intervalMs));
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** Something has arrived. */
  heard(): void {
    this.heardAt = Date.now();
  }

  /** The device or the tab may have slept. */
  wake(): void {
    this.check(PATIENCE_AFTER_SLEEP);
  }

  private check(patience: number): void {
    const now = Date.now();
    // The clock was set back.
    if (now < this.heardAt) this.heardAt = now;
    if (this.timer === undefined || now - this.heardAt <= patience * this.intervalMs) return;
    this.stop();
    this.onSilence();
  }
}
