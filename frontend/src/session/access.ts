import type { ReadonlySignal } from "@preact/signals";
import type { Backend } from "../api/backend";
import type { Action, SessionView } from "../contract/generated";
import { hasErrorCode } from "./names";

export interface LoadedAccess {
  readonly view: SessionView;
  /** The server's clock minus this device's, in milliseconds; undefined if the server doesn't say its time. */
  readonly clockOffset: number | undefined;
}

/** The clock offset that a response shows, received now after `tookMs`; undefined if it has no time. */
function offsetOf({ now = "" }: SessionView, tookMs: number): number | undefined {
  const offset = Date.parse(now) + tookMs / 2 - Date.now();
  return Number.isNaN(offset) ? undefined : offset;
}

/** The user's identity and permissions according to the server. */
export class Access {
  constructor(
    /** Undefined until the server has responded. */
    readonly view: ReadonlySignal<SessionView | undefined>,
    private readonly backend: Backend,
    /** The token of our registration. */
    private readonly token: () => string | undefined,
  ) {}

  get isOpen(): boolean {
    return this.view.value?.mode === "open";
  }

  /** Whether to offer an action; true for all actions until the permissions are known. */
  may(action: Action): boolean {
    return this.view.value?.may.includes(action) ?? true;
  }

  /**
   * Whether to offer commands on servers to a user who has a name or not. In open mode anyone with a name may command,
   * and nobody without: a command has an author.
   */
  mayCommand(hasName: boolean): boolean {
    return this.isOpen ? hasName : this.may("command_servers");
  }

  /** Whether to offer the logs of servers to a user who has a name or not. */
  maySeeLogs(hasName: boolean): boolean {
    return this.isOpen ? hasName : this.may("see_logs");
  }

  /**
   * The token for reads of servers: undefined in open mode, so that a revoked token can't make reads fail. Those of an
   * admin take a token there, too. Reads of rooms take it in every mode: the reply says which reactions are one's own.
   */
  readToken(): string | undefined {
    return this.isOpen && this.view.value?.role !== "admin" ? undefined : this.token();
  }

  /**
   * Load the view from the server. Calls `onTokenRevoked` if the server rejects our token. Throws what the backend
   * throws.
   */
  async load(onTokenRevoked: (token: string) => void): Promise<LoadedAccess> {
    // The clock of this device may be set in the meantime.
    const sentAt = performance.now();
    const anonymous = await this.backend.session();
    const clockOffset = offsetOf(anonymous, performance.now() - sentAt);
    const token = this.token();
    if (anonymous.mode === "open" || !token) return { view: anonymous, clockOffset };
    try {
      return { view: await this.backend.session(token), clockOffset };
    } catch (error) {
      if (!hasErrorCode(error, "token_invalid")) throw error;
      // It may have been replaced in the meantime.
      if (this.token() === token) onTokenRevoked(token);
      return { view: anonymous, clockOffset };
    }
  }

  /**
   * In open mode, load the view of an admin; undefined for everybody else, who may do the same with a token or without.
   * Nothing waits for it: the servers don't need the chat, which alone knows the token.
   */
  async loadAdmin(): Promise<SessionView | undefined> {
    const token = this.token();
    if (!token) return undefined;
    const own = await this.backend.session(token).catch(() => undefined);
    return own?.role === "admin" && this.token() === token ? own : undefined;
  }

  /**
   * Sign out the device with `token`, or all devices of the user. Errors are ignored: there is nothing that the page
   * could do about them.
   */
  revokeToken(token: string, everywhere = false): Promise<void> {
    const done = everywhere ? this.backend.signOut(token, true) : this.backend.signOut(token);
    return done.catch(() => {});
  }
}
