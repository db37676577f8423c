import { type ReadonlySignal, signal } from "@preact/signals";
import type { Backend } from "../api/backend";
import type { Action, SessionView } from "../contract/generated";
import { hasErrorCode } from "./names";

/** The user's identity and permissions according to the server. */
export class Access {
  private readonly viewSignal = signal<SessionView | undefined>(undefined);

  constructor(
    private readonly backend: Backend,
    /** The token of our registration. */
    private readonly token: () => string | undefined,
    /** Called when the server rejects that token. */
    private readonly onTokenRevoked: () => void,
  ) {}

  /** Undefined until the server has responded. */
  get view(): ReadonlySignal<SessionView | undefined> {
    return this.viewSignal;
  }

  get isOpen(): boolean {
    return this.viewSignal.value?.mode === "open";
  }

  /** Whether to offer an action; true for all actions until the permissions are known. */
  may(action: Action): boolean {
    return this.viewSignal.value?.may.includes(action) ?? true;
  }

  setView(view: SessionView | undefined): void {
    this.viewSignal.value = view;
  }

  /** Reset to the permissions of an anonymous user, without waiting for the server. */
  onSignedOut(): void {
    const view = this.viewSignal.value;
    if (!view || view.mode === "open") return;
    const { mode, guests, signIn } = view;
    this.setView({ mode, guests, may: guests ? ["register"] : [], ...(signIn ? { signIn } : {}) });
  }

  /** The token for reads: undefined in open mode, so that a revoked token can't make reads fail. */
  readToken(): string | undefined {
    return this.isOpen ? undefined : this.token();
  }

  /** Load the view from the server. Throws what the backend throws. */
  async load(): Promise<SessionView> {
    const anonymous = await this.backend.session();
    const token = this.token();
    if (anonymous.mode === "open" || !token) return anonymous;
    try {
      return await this.backend.session(token);
    } catch (error) {
      if (!hasErrorCode(error, "token_invalid")) throw error;
      // It may have been replaced in the meantime.
      if (this.token() === token) this.onTokenRevoked();
      return anonymous;
    }
  }

  /** Revoke a token. Errors are ignored: there is nothing that the page could do about them. */
  revokeToken(token: string): Promise<void> {
    return this.backend.signOut(token).catch(() => {});
  }
}
