import { type ReadonlySignal, signal } from "@preact/signals";
import type { Backend } from "../api/backend";
import type { Action, SessionView } from "../contract/generated";
import { hasErrorCode } from "./names";

/** Who the server takes us for, and what we may do. */
export class Access {
  private readonly viewSignal = signal<SessionView | undefined>(undefined);

  constructor(
    private readonly backend: Backend,
    /** The token of our registration. */
    private readonly token: () => string | undefined,
    /** That token proves nothing any more. */
    private readonly onTokenRevoked: () => void,
  ) {}

  /** Undefined until the server has said so. */
  get view(): ReadonlySignal<SessionView | undefined> {
    return this.viewSignal;
  }

  get isOpen(): boolean {
    return this.viewSignal.value?.mode === "open";
  }

  /** Whether an action is worth offering: until the server says who may what, everything is. */
  may(action: Action): boolean {
    return this.viewSignal.value?.may.includes(action) ?? true;
  }

  setView(view: SessionView | undefined): void {
    this.viewSignal.value = view;
  }

  /** Nobody is signed in any more: what that leaves is known before the server says it. */
  onSignedOut(): void {
    const view = this.viewSignal.value;
    if (!view || view.mode === "open") return;
    const { mode, guests, signIn } = view;
    this.setView({ mode, guests, may: guests ? ["register"] : [], ...(signIn ? { signIn } : {}) });
  }

  /** Where anybody may read, reading needs no proof, so that an old one can't be in its way. */
  readToken(): string | undefined {
    return this.isOpen ? undefined : this.token();
  }

  /** Ask the server; throws what the backend throws. */
  async load(): Promise<SessionView> {
    const anonymous = await this.backend.session();
    const token = this.token();
    if (anonymous.mode === "open" || !token) return anonymous;
    try {
      return await this.backend.session(token);
    } catch (error) {
      if (!hasErrorCode(error, "token_invalid")) throw error;
      // Unless it was exchanged for another meanwhile.
      if (this.token() === token) this.onTokenRevoked();
      return anonymous;
    }
  }

  /** Make a token worth nothing; one that is so already, or a server that is away, changes nothing for us. */
  revokeToken(token: string): Promise<void> {
    return this.backend.signOut(token).catch(() => {});
  }
}
