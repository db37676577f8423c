import type { Backend } from "../api/backend";
import { ChatConnection } from "../live/chat-connection";
import { CloudConnection } from "../live/cloud-connection";
import type { PageStore } from "../live/page-store";
import type { Leader } from "../live/shared-store";
import type { ChatState, SignOutReason } from "../state/chat/model";
import type { Action, PageState } from "../state/page";
import type { Access } from "./access";
import type { ChangeOutbox } from "./change-outbox";
import type { Identity } from "./identity";
import { type Intention, predict } from "./intentions";
import type { Outbox } from "./outbox";
import type { ReadMarkStore } from "./read-marks";

interface PageLeaderOptions {
  readonly store: PageStore;
  readonly backend: Backend;
  readonly identity: Identity;
  readonly outbox: Outbox;
  readonly changeOutbox: ChangeOutbox;
  readonly readMarks: ReadMarkStore;
  readonly access: Access;
  readonly isOnline?: (() => boolean) | undefined;
  readonly random?: (() => number) | undefined;
}

/** What the leading tab does: it has the browser's connections, handles intentions, and stores what must last. */
export class PageLeader implements Leader<PageState, Action, Intention> {
  private chat: ChatConnection | undefined;
  private cloud: CloudConnection | undefined;
  private isLearning = false;

  constructor(private readonly options: PageLeaderOptions) {}

  start(): void {
    // The outbox may contain messages of a tab that crashed before it sent the intention.
    this.loadOutbox();
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
    if (intention.kind === "signIn") identity.save(intention.registration);
    if (intention.kind === "signOut") identity.remove(intention.token);
    const action = predict(intention);
    if (action) store.dispatch(action);
    switch (intention.kind) {
      case "send":
      case "change":
      case "retry":
        return this.chat?.flush();
      case "typing":
        return this.chat?.typing(intention.room);
      case "openRoom":
        return this.chat?.loadConversations();
      case "read":
        return this.chat?.read(intention.room, intention.seq);
      case "moreUsers":
        return this.chat?.moreUsers();
      case "leave":
        return this.leave();
      case "reconnect":
        for (const connection of this.connections()) connection.retryNow();
        return;
      case "wake":
        for (const connection of this.connections()) connection.wake();
        return;
      case "clockSet":
        return void this.learnClock();
      case "goOffline":
        for (const connection of this.connections()) connection.onOffline();
        return;
      case "signIn":
      case "signOut":
      case "discard":
      case "roomViews":
      case "logRefusal":
      case "dismissFailures":
        return;
      default:
        intention satisfies never;
    }
  }

  onAction(action: Action, before: PageState, after: PageState): void {
    if (action.store !== "chat") return;
    const { kind } = action.event;
    if (before.chat.reads !== after.chat.reads) this.options.readMarks.save(after.chat.reads);
    if (kind !== "signedIn" && kind !== "signedOut") return this.storeOutbox(before.chat, after.chat);
    if (after.chat.signedOut === "left") this.holdBack(before.chat);
    this.loadOutbox();
    this.reconnectAsCurrentUser();
  }

  /** Store what has become of the unsent messages. */
  private storeOutbox(before: ChatState, after: ChatState): void {
    const { outbox, changeOutbox } = this.options;
    if (before.changes !== after.changes) changeOutbox.update(before.changes, after.changes);
    if (before.outbox === after.outbox) return;
    for (const item of before.outbox)
      if (!after.outbox.some(one => one.clientId === item.clientId)) outbox.remove(item);
    for (const item of after.outbox) {
      const earlier = before.outbox.find(one => one.clientId === item.clientId);
      const failures = [earlier?.status, item.status].filter(status => status === "failed").length;
      if (!earlier || failures === 1) outbox.save(item);
    }
  }

  /** The user has left: if they come back, they decide about what they had written. Changes are dropped. */
  private holdBack({ outbox, changes }: ChatState): void {
    for (const item of outbox)
      if (item.status !== "failed") this.options.outbox.save({ ...item, status: "failed" });
    this.options.changeOutbox.update(changes, []);
  }

  private loadOutbox(): void {
    const { store, outbox, changeOutbox } = this.options;
    const { me } = store.state.peek().chat;
    if (!me) return;
    for (const item of outbox.list(me)) store.dispatch({ store: "chat", event: { kind: "queued", item } });
    for (const item of changeOutbox.list(me))
      store.dispatch({ store: "chat", event: { kind: "changed", item } });
  }

  /** Load the permissions into all tabs. Returns whether the user may see the servers. */
  private async loadAccess(): Promise<boolean> {
    const { access, store } = this.options;
    const { view, clockOffset } = await access.load(token => this.signOut("token_invalid", token));
    store.dispatch({ store: "access", view, clockOffset });
    if (view.mode === "open") void this.loadAdminAccess(clockOffset);
    return view.may.includes("see_servers");
  }

  private async loadAdminAccess(clockOffset: number | undefined): Promise<void> {
    const view = await this.options.access.loadAdmin();
    if (view) this.options.store.dispatch({ store: "access", view, clockOffset });
  }

  /** Learn the server's time again: once, although each tab asks for it. */
  private async learnClock(): Promise<void> {
    if (this.isLearning) return;
    this.isLearning = true;
    // Without a response, the next connection learns it.
    await this.loadAccess().catch(() => undefined);
    this.isLearning = false;
  }

  private connectChat(): void {
    const { token } = this.options.store.state.peek().chat;
    this.chat?.stop();
    this.chat = undefined;
    if (token === undefined) return;
    const onSignedOut = (reason: SignOutReason) => this.signOut(reason, token);
    this.chat = new ChatConnection({ ...this.connectionOptions(), token, onSignedOut });
    this.chat.start();
  }

  private reconnectAsCurrentUser(): void {
    this.connectChat();
    // In open mode the servers are the same for all users, and only an admin may do more than others.
    if (this.options.access.isOpen) void this.loadAccess().catch(() => undefined);
    else this.cloud?.retryNow();
  }

  private leave(): void {
    const { store, access } = this.options;
    const { token } = store.state.peek().chat;
    // Others see it at once; that the token is void takes a request.
    this.chat?.leave();
    if (token !== undefined) void access.revokeToken(token, true);
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
    return {
      ...{ store, backend, readToken: () => access.readToken() },
      ...(isOnline ? { isOnline } : {}),
      ...(random ? { random } : {}),
    };
  }
}
