import { RETRY_HINT } from "../contract/generated";
import type { ConnectionState } from "../state/connection";

const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 15_000;
/** The upper limit of a server's retry hint: a server that shuts down spreads its clients over less. */
const MAX_RETRY_AFTER_MS = 60_000;
const RETRY_HINT_PATTERN = new RegExp(RETRY_HINT);
/** A connection that lasted this long resets the backoff. */
const STABLE_AFTER_MS = 5_000;

/**
 * Exponential backoff with full jitter: a random delay between zero and a ceiling that doubles, so that the clients
 * of a failed server don't all reconnect at once.
 */
export const jitteredDelay = (failures: number, random: () => number): number =>
  random() * Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);

/** The retry hint in a close reason, in milliseconds; undefined if there is none. */
export function parseRetryHint(reason: string): number | undefined {
  const seconds = RETRY_HINT_PATTERN.exec(reason)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}

interface ReconnectorOptions {
  /** Open a connection; the caller then reports the outcome with `opened`, `lost` or `refused`. */
  readonly connect: () => void;
  /** Close the current connection without calling `lost`. */
  readonly disconnect: () => void;
  readonly report: (connection: ConnectionState) => void;
  readonly isOnline?: () => boolean;
  readonly random?: () => number;
}

/** Decides when to connect and reconnect, for any kind of connection. */
export class Reconnector {
  private failures = 0;
  private everLive = false;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private stableTimer: ReturnType<typeof setTimeout> | undefined;
  private stopped = true;
  /** Whether `restart` was called since the connection was last stable. */
  private restarted = false;

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
      this.restarted = false;
    }, STABLE_AFTER_MS);
    this.options.report({ phase: "live", everLive: true, failures: 0 });
  }

  /** The connection failed or was lost: reconnect after a delay of at least `retryAfterMs`. */
  lost(retryAfterMs = 0): void {
    if (this.stopped) return;
    this.clearTimers();
    const delay =
      Math.min(MAX_RETRY_AFTER_MS, retryAfterMs) +
      jitteredDelay(this.failures, this.options.random ?? Math.random);
    this.failures += 1;
    if (!(this.options.isOnline?.() ?? true)) return this.report("offline");
    this.retryTimer = setTimeout(() => this.attempt(), delay);
    this.report("waiting", { retryAt: Date.now() + delay, retryInMs: delay });
  }

  /** The server doesn't want this client to reconnect: wait for `retryNow`. */
  refused(): void {
    this.clearTimers();
    this.report("refused");
  }

  /** The current user may not connect: wait for `retryNow`. */
  pause(): void {
    this.clearTimers();
    this.failures = 0;
    this.report("idle");
  }

  /** Reconnect at once: the network is back, or the user asks for it. */
  retryNow(): void {
    if (this.stopped) return;
    this.options.disconnect();
    this.attempt();
  }

  /** Connect again because the server says so: at once, but with a delay if it says so again and again. */
  restart(): void {
    if (this.stopped) return;
    this.options.disconnect();
    if (this.restarted) return this.lost();
    this.restarted = true;
    this.attempt();
  }

  /** The device reports that it is offline: disconnect at once instead of waiting for a timeout. */
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

  private report(
    phase: ConnectionState["phase"],
    retry: Pick<ConnectionState, "retryAt" | "retryInMs"> = {},
  ): void {
    const { everLive, failures } = this;
    this.options.report({ phase, everLive, failures, ...retry });
  }
}
