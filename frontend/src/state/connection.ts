/** How a live connection is doing. */
export type ConnectionPhase =
  /** Not asked for: nobody is signed in, or whoever is may not. */
  | "idle"
  | "connecting"
  | "live"
  /** Lost; the next attempt comes at `retryAt`. */
  | "waiting"
  /** The device itself has no network. */
  | "offline"
  /** The server asked not to come back. */
  | "refused";

export interface ConnectionState {
  readonly phase: ConnectionPhase;
  /** When the next attempt comes, in milliseconds of this device's clock. */
  readonly retryAt?: number;
  /** Whether a server has ever answered here; until then there may be none at this address. */
  readonly everLive: boolean;
  /** Attempts that failed since the last success. */
  readonly failures: number;
}

export const IDLE_CONNECTION: ConnectionState = { phase: "idle", everLive: false, failures: 0 };
