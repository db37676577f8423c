/** The phase of a connection. */
export type ConnectionPhase =
  /** Not wanted: the user isn't signed in or lacks the permission. */
  | "idle"
  | "connecting"
  | "live"
  /** Lost; the next attempt is at `retryAt`. */
  | "waiting"
  /** The device has no network. */
  | "offline"
  /** The server asked the client not to reconnect. */
  | "refused";

export interface ConnectionState {
  readonly phase: ConnectionPhase;
  /** The time of the next attempt, in Unix milliseconds of this device's clock. */
  readonly retryAt?: number;
  /** How long that was after this state was reported, in milliseconds. */
  readonly retryInMs?: number;
  /** Whether this connection was ever live; if not, there may be no server at this address. */
  readonly everLive: boolean;
  /** Failed attempts since the last success. */
  readonly failures: number;
}

export const IDLE_CONNECTION: ConnectionState = { phase: "idle", everLive: false, failures: 0 };
