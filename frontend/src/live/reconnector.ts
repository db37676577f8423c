import { RETRY_HINT } from "../contract/generated";
import type { ConnectionState } from "../state/connection";

const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 15_000;
/** The longest that a server may ask for: one that stops spreads its people over no more. */
const MAX_RETRY_AFTER_MS = 60_000;
const RETRY_HINT_PATTERN = new RegExp(RETRY_HINT);
/** A connection that lived this long was a good one: the next loss starts from short delays again. */
const STABLE_AFTER_MS = 5_000;

/**
 * Full jitter: anywhere between nothing and a ceiling that doubles, so that a thousand pages that lost
 * one server don't all come back in the same instant.
 */
export const jitteredDelay = (failures: number, random: () => number): number =>
  random() * Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);

/** When the reason of a close asks to come back, in milliseconds; undefined: it doesn't say. */
export function parseRetryHint(reason: string): number | undefined {
  const seconds = RETRY_HINT_PATTERN.exec(reason)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}

interface ReconnectorOptions {
  /** Open a connection; its outcome is told by `opened`, `lost` or `refused`. */
  readonly connect: () => void;
  /** Drop the connection there is, without telling `lost`. */
  readonly disconnect: () => void;
  readonly report: (connection: ConnectionState) => void;
  readonly isOnline?: () => boolean;
  readonly random?: () => number;
}

/** Decides when to connect; knows nothing of what a connection is. */
export class Reconnector {
  private failures = 0;
  private everLive = false;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private stableTimer: ReturnType<typeof setTimeout> | undefined;
  private stopped = true;

  constructor(private readonly options: ReconnectorOptions) {}

  start(): void {
    this.stopped = false;
    this.attempt();
  }

  stop(): void {
    this.stopped = true;
    this.clearTimers();
    this.options.disconnect();
    this.report("idle");
  }

  opened(): void {
    this.everLive = true;
    this.stableTimer = setTimeout(() => {
      this.failures = 0;
    }, STABLE_AFTER_MS);
    this.options.report({ phase: "live", everLive: true, failures: 0 });
  }

  /** The connection is gone or never came; try again, not before the `askedMs` that a server which stops asks for. */
  lost(retryAfterMs = 0): void {
    if (this.stopped) return;
    this.clearTimers();
    const delay =
      Math.min(MAX_RETRY_AFTER_MS, retryAfterMs) +
      jitteredDelay(this.failures, this.options.random ?? Math.random);
    this.failures += 1;
    if (!(this.options.isOnline?.() ?? true)) return this.report("offline");
    this.retryTimer = setTimeout(() => this.attempt(), delay);
    this.report("waiting", Date.now() + delay);
  }

  /** The server wants no more of this: nothing is tried until someone asks. */
  refused(): void {
    this.clearTimers();
    this.report("refused");
  }

  /** There is nothing to connect to for whoever is here now: wait until `retryNow`. */
  pause(): void {
    this.clearTimers();
    this.failures = 0;
    this.report("idle");
  }

  /** Try at once: the network is back, or a person asks. */
  retryNow(): void {
    if (this.stopped) return;
    this.options.disconnect();
    this.attempt();
  }

  /** The device says that its network is gone: better to say so than to wait for a time-out. */
  onOffline(): void {
    if (this.stopped) return;
    this.options.disconnect();
    this.clearTimers();
    this.report("offline");
  }

  private attempt(): void {
    this.clearTimers();
    this.report("connecting");
    this.options.connect();
  }

  private clearTimers(): void {
    clearTimeout(this.retryTimer);
    clearTimeout(this.stableTimer);
  }

  private report(phase: ConnectionState["phase"], retryAt?: number): void {
    const { everLive, failures } = this;
    this.options.report({ phase, everLive, failures, ...(retryAt === undefined ? {} : { retryAt }) });
  }
}
