import type { ReadonlySignal } from "@preact/signals";
import type { Backend } from "../api/backend";
import type { Action, SessionView } from "../contract/generated";
import { hasErrorCode } from "./names";

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

  /** The token for reads: undefined in open mode, so that a revoked token can't make reads fail. */
  readToken(): string | undefined {
    return this.isOpen ? undefined : this.token();
  }

  /**
   * Load the view from the server. Calls `onTokenRevoked` if the server rejects our token. Throws what the backend
   * throws.
   */
  async load(onTokenRevoked: (token: string) => void): Promise<SessionView> {
    const anonymous = await this.backend.session();
    const token = this.token();
    if (anonymous.mode === "open" || !token) return anonymous;
    try {
      return await this.backend.session(token);
    } catch (error) {
      if (!hasErrorCode(error, "token_invalid")) throw error;
      // It may have been replaced in the meantime.
      if (this.token() === token) onTokenRevoked(token);
      return anonymous;
    }
  }

  /** Revoke a token. Errors are ignored: there is nothing that the page could do about them. */
  revokeToken(token: string): Promise<void> {
    return this.backend.signOut(token).catch(() => {});
  }
}
