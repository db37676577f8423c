import type { Backend } from "../api/backend";
import { ChatConnection } from "../live/chat-connection";
import { CloudConnection } from "../live/cloud-connection";
import type { PageStore } from "../live/page-store";
import type { Leader } from "../live/shared-store";
import type { SignOutReason } from "../state/chat/model";
import type { Action, PageState } from "../state/page";
import type { Access } from "./access";
import type { Identity } from "./identity";
import { type Intention, predict } from "./intentions";
import type { Outbox } from "./outbox";

interface PageLeaderOptions {
  readonly store: PageStore;
  readonly backend: Backend;
  readonly identity: Identity;
  readonly outbox: Outbox;
  readonly access: Access;
  readonly isOnline?: (() => boolean) | undefined;
  readonly random?: (() => number) | undefined;
}

/** What the leading tab does: it has the browser's connections, handles intentions, and stores what must last. */
export class PageLeader implements Leader<PageState, Action, Intention> {
  private chat: ChatConnection | undefined;
  private cloud: CloudConnection | undefined;

  constructor(private readonly options: PageLeaderOptions) {}

  start(): void {
    const { store, outbox } = this.options;
    // The outbox may contain messages of a tab that crashed before it sent the intention.
    for (const item of outbox.list()) store.dispatch({ store: "chat", event: { kind: "queued", item } });
    this.cloud = new CloudConnection({
      ...this.connectionOptions(),
      mayFollow: () => this.loadAccess(),
    });
    this.cloud.start();
    this.connectChat();
  }

  stop(): void {
    for (const connection of this.connections()) connection.stop();
  }

  handle(intention: Intention): void {
    const { identity, store } = this.options;
    // The other tab has stored the same, but browsers share storage between processes with a delay.
    if (intention.kind === "signIn") identity.set(intention.registration);
    if (intention.kind === "signOut") identity.remove(intention.token);
    const action = predict(intention);
    if (action) store.dispatch(action);
    switch (intention.kind) {
      case "send":
      case "retry":
        return this.chat?.flush();
      case "typing":
        return this.chat?.typing();
      case "leave":
        return this.leave();
      case "reconnect":
        for (const connection of this.connections()) connection.retryNow();
        return;
      case "goOffline":
        for (const connection of this.connections()) connection.onOffline();
        return;
      case "signIn":
      case "signOut":
      case "discard":
      case "logRefusal":
      case "dismissFailures":
        return;
      default:
        intention satisfies never;
    }
  }

  onAction(action: Action, before: PageState, after: PageState): void {
    const sent = before.chat.outbox.filter(
      item => !after.chat.outbox.some(one => one.clientId === item.clientId),
    );
    for (const item of sent) this.options.outbox.remove(item);
    if (action.store === "chat" && (action.event.kind === "signedIn" || action.event.kind === "signedOut"))
      this.reconnectAsCurrentUser();
  }

  /** Load the permissions into all tabs. Returns whether the user may see the servers. */
  private async loadAccess(): Promise<boolean> {
    const { access, store } = this.options;
    const { view, clockOffset } = await access.load(token => this.signOut("token_invalid", token));
    store.dispatch({ store: "access", view, clockOffset });
    return view.may.includes("see_servers");
  }

  private connectChat(): void {
    const token = this.options.identity.get()?.token;
    this.chat?.stop();
    if (token === undefined) return;
    const onSignedOut = (reason: SignOutReason) => this.signOut(reason, token);
    this.chat = new ChatConnection({ ...this.connectionOptions(), token, onSignedOut });
    this.chat.start();
  }

  private reconnectAsCurrentUser(): void {
    this.connectChat();
    // In open mode the servers are the same for all users.
    if (!this.options.access.isOpen) this.cloud?.retryNow();
  }

  private leave(): void {
    const { identity, access } = this.options;
    const token = identity.get()?.token;
    const leaveSent = this.chat?.leave() ?? false;
    if (token !== undefined && !leaveSent) void access.revokeToken(token);
    this.signOut("left", token);
  }

  /** Sign out the user of `token`. */
  private signOut(reason: SignOutReason, token: string | undefined): void {
    const { identity, access, store } = this.options;
    // A tab that no longer leads must not change what the new leader stores.
    if (!store.isLeader) return;
    // A token that lost its role is rejected but still holds the name: revoke it, so that the name is free again.
    if (token !== undefined && reason === "token_invalid") void access.revokeToken(token);
    if (token !== undefined) identity.remove(token);
    store.dispatch({ store: "chat", event: { kind: "signedOut", reason } });
  }

  private connections(): (ChatConnection | CloudConnection)[] {
    return [this.chat, this.cloud].filter(connection => connection !== undefined);
  }

  private connectionOptions() {
    const { store, backend, access, isOnline, random } = this.options;
    const readToken = () => access.readToken();
    return {
      ...{ store, backend, readToken },
      ...(isOnline ? { isOnline } : {}),
      ...(random ? { random } : {}),
    };
  }
}
