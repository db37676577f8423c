import { type ReadonlySignal, signal } from "@preact/signals";
import type { Backend } from "../api/backend";
import { ApiError } from "../api/errors";
import type { SessionView, User } from "../contract/generated";
import { PAGE_SIZE } from "../live/chat-connection";
import { TabLeader } from "../live/tab-leader";
import { mergeOlder } from "../state/chat/messages";
import { type ChatEvent, type ChatState, EMPTY_CHAT, ROOM, type SignOutReason } from "../state/chat/model";
import { reduceChat } from "../state/chat/reducer";
import { type CloudState, type CloudStateEvent, EMPTY_CLOUD } from "../state/cloud/model";
import { reduceCloud } from "../state/cloud/reducer";
import { Access } from "./access";
import { CommandSender } from "./command-sender";
import { Connections } from "./connections";
import { newId } from "./ids";
import type { LocalStore } from "./local-store";
import { availableNames, registerWithSuffix } from "./names";
import { Outbox } from "./outbox";
import { TypingExpiry } from "./typing-expiry";

interface Identity {
  readonly user: User;
  readonly token: string;
}

type SharedEvent =
  | { readonly store: "chat"; readonly event: ChatEvent }
  | { readonly store: "cloud"; readonly event: CloudStateEvent }
  | { readonly store: "access"; readonly view: SessionView };

interface SharedState {
  readonly chat: ChatState;
  readonly cloud: CloudState;
  readonly view?: SessionView | undefined;
}

/** What a tab can request from the leader. */
type LeaderRequest = "flush" | "typing" | "leave" | "reconnect" | "offline";

/** The number of messages in a snapshot; a tab loads older ones when the user scrolls up. */
const SNAPSHOT_MESSAGES = 500;

export interface AppStoreOptions {
  readonly backend: Backend;
  /** Identifies the server: part of the keys in browser storage and of the name of the tabs' channel. */
  readonly scope: string;
  /** Only tabs with the same version of the page share state. */
  readonly version?: string;
  readonly localStore: LocalStore;
  readonly locks?: Pick<LockManager, "request"> | undefined;
  readonly openChannel?: (name: string) => BroadcastChannel;
  readonly isOnline?: () => boolean;
  readonly random?: () => number;
}

/** The state of the page for one server: chat, cloud, permissions, their connections, and the user's actions. */
export class AppStore {
  readonly commandSender: CommandSender;
  readonly access: Access;
  private readonly chatSignal = signal<ChatState>(EMPTY_CHAT);
  private readonly cloudSignal = signal<CloudState>(EMPTY_CLOUD);
  private readonly tabs: TabLeader<SharedEvent, SharedState, LeaderRequest>;
  private readonly outbox: Outbox;
  private readonly identityKey: string;
  private readonly connections: Connections;
  private readonly typingExpiry = new TypingExpiry(now => this.applyChat({ kind: "typingExpired", now }));
  private loadingOlder = false;
  private lastSentAt = 0;

  constructor(private readonly options: AppStoreOptions) {
    this.identityKey = `identity.${options.scope}`;
    this.outbox = new Outbox(options.localStore, options.scope);
    const onTokenRevoked = () => this.publishChat({ kind: "signedOut", reason: "token_invalid" });
    this.access = new Access(options.backend, () => this.token, onTokenRevoked);
    const identity = this.identity();
    if (identity) this.applyChat({ kind: "signedIn", user: identity.user });
    for (const item of this.outbox.list()) this.applyChat({ kind: "queued", item });
    this.commandSender = new CommandSender({
      backend: options.backend,
      token: () => this.token,
      state: () => this.cloudSignal.value,
      publish: event => this.tabs.publish({ store: "cloud", event }),
    });
    this.connections = new Connections({
      backend: options.backend,
      token: () => this.token,
      readToken: () => this.access.readToken(),
      mayFollow: () => this.loadAccess(),
      chat: () => this.chatSignal.value,
      cloud: () => this.cloudSignal.value,
      publishChat: event => this.tabs.isLeader && this.publishChat(event),
      publishCloud: event => this.tabs.isLeader && this.tabs.publish({ store: "cloud", event }),
      isOnline: options.isOnline,
      random: options.random,
    });
    this.tabs = new TabLeader({
      name: `opsroom:${options.version ?? ""}:${options.scope}`,
      locks: options.locks,
      openChannel: options.openChannel ?? (name => new BroadcastChannel(name)),
      apply: shared => this.apply(shared),
      snapshot: () => this.snapshot(),
      restore: state => this.restore(state),
      onLead: () => this.onLead(),
      handleRequest: request => this.handleRequest(request),
    });
  }

  get chat(): ReadonlySignal<ChatState> {
    return this.chatSignal;
  }

  get cloud(): ReadonlySignal<CloudState> {
    return this.cloudSignal;
  }

  /** The token of our registration. */
  get token(): string | undefined {
    return this.identity()?.token;
  }

  get isLeader(): boolean {
    return this.tabs.isLeader;
  }

  start = (): void => this.tabs.join();
  stop = (): void => this.tabs.leave();
  reconnect = (): void => this.tabs.request("reconnect");
  onOffline = (): void => this.tabs.request("offline");
  resync = (): void => this.tabs.resync();

  /** Register a name. Throws what the backend throws. */
  async register(name: string, proof?: string): Promise<void> {
    const identity = await this.options.backend.register(name, proof);
    this.options.localStore.set(this.identityKey, identity);
    this.publishChat({ kind: "signedIn", user: identity.user });
  }

  /**
   * Exchange a static token or an ID token for a registration with its role. Throws what the backend throws.
   *
   * Only the registration's token is stored, because its owner can revoke it.
   */
  async signIn(proof: string): Promise<void> {
    const { name = "user" } = await this.options.backend.session(proof);
    const before = this.identity();
    if (before) {
      this.publishChat({ kind: "signedOut", reason: "left" });
      await this.access.revokeToken(before.token);
    }
    await registerWithSuffix(name, one => this.register(one, proof));
  }

  /** The candidates that no user has. */
  availableNames = (name: string, candidates: readonly string[]): Promise<readonly string[]> =>
    availableNames(this.options.backend, name, candidates);

  leave = (): void => this.tabs.request("leave");
  typing = (): void => this.tabs.request("typing");

  send(text: string): void {
    // Keep the timestamps distinct: the outbox sorts by them.
    this.lastSentAt = Math.max(Date.now(), this.lastSentAt + 1);
    const item = { clientId: newId(), text, at: this.lastSentAt };
    this.outbox.add(item);
    this.publishChat({ kind: "queued", item });
    this.tabs.request("flush");
  }

  retry(clientId: string): void {
    this.publishChat({ kind: "requeued", clientId });
    this.tabs.request("flush");
  }

  discard = (clientId: string): void => this.publishChat({ kind: "discarded", clientId });

  /** Load the previous page of history, in this tab only. */
  async loadOlder(): Promise<void> {
    const { loaded, hasOlder, messages } = this.chatSignal.value;
    const before = messages[0]?.seq;
    if (!loaded || !hasOlder || this.loadingOlder || before === undefined) return;
    this.loadingOlder = true;
    try {
      const query = { room: ROOM, before, limit: PAGE_SIZE };
      const older = await this.options.backend.history(query, this.access.readToken());
      this.applyChat({ kind: "page", messages: older, limit: PAGE_SIZE });
    } catch (error) {
      // Scrolling up retries; an error response would be a bug, so it is thrown.
      if (error instanceof ApiError) throw error;
    } finally {
      this.loadingOlder = false;
    }
  }

  private identity(): Identity | undefined {
    return this.options.localStore.get<Identity>(this.identityKey);
  }

  /** Load the permissions into all tabs. Returns whether the user may see the servers. */
  private async loadAccess(): Promise<boolean> {
    const view = await this.access.load();
    if (this.tabs.isLeader) this.tabs.publish({ store: "access", view });
    return view.may.includes("see_servers");
  }

  private apply(shared: SharedEvent): void {
    if (shared.store === "chat") this.applyChat(shared.event);
    else if (shared.store === "cloud") this.applyCloud(shared.event);
    else this.applyView(shared.view);
  }

  private applyView(view: SessionView): void {
    this.access.setView(view);
    this.hideServers();
  }

  /** Clear the servers if the user may no longer see them. */
  private hideServers(): void {
    if (this.access.may("see_servers")) return;
    this.cloudSignal.value = { ...EMPTY_CLOUD, connection: this.cloudSignal.value.connection };
  }

  private publishChat(event: ChatEvent): void {
    this.tabs.publish({ store: "chat", event });
  }

  private applyChat(event: ChatEvent): void {
    const before = this.chatSignal.value;
    const after = reduceChat(before, event);
    this.chatSignal.value = after;
    for (const item of before.outbox)
      if (!after.outbox.some(one => one.clientId === item.clientId)) this.outbox.remove(item);
    if (event.kind === "signedOut") this.clearIdentity(event.reason);
    if ((event.kind === "signedIn" || event.kind === "signedOut") && this.tabs?.isLeader)
      this.reconnectAsCurrentUser();
    if (after.typing !== before.typing) this.typingExpiry.watch(after.typing);
  }

  private applyCloud(event: CloudStateEvent): void {
    this.cloudSignal.value = reduceCloud(this.cloudSignal.value, event);
  }

  private snapshot(): SharedState {
    const chat = this.chatSignal.value;
    const messages = chat.messages.slice(-SNAPSHOT_MESSAGES);
    const hasOlder = chat.hasOlder || messages.length < chat.messages.length;
    return {
      chat: { ...chat, messages, hasOlder },
      cloud: this.cloudSignal.value,
      view: this.access.view.value,
    };
  }

  private restore({ chat, cloud, view }: SharedState): void {
    this.access.setView(view);
    this.chatSignal.value = mergeOlder(chat, this.chatSignal.value);
    this.cloudSignal.value = cloud;
    this.typingExpiry.watch(this.chatSignal.value.typing);
  }

  private onLead(): () => void {
    // The outbox may contain messages of a tab that crashed before it published them.
    for (const item of this.outbox.list()) this.publishChat({ kind: "queued", item });
    this.connections.open();
    return () => this.connections.close();
  }

  private clearIdentity(reason: SignOutReason): void {
    const identity = this.identity();
    // A token that lost its role is rejected but still holds the name: revoke it, so that the name is free again.
    if (identity && reason === "token_invalid" && this.tabs?.isLeader)
      void this.access.revokeToken(identity.token);
    this.options.localStore.remove(this.identityKey);
    this.access.onSignedOut();
    this.hideServers();
  }

  /** The user has changed: reconnect as the current one. */
  private reconnectAsCurrentUser(): void {
    this.connections.reconnectChat();
    if (!this.access.isOpen) this.connections.reconnectCloud();
  }

  private handleRequest(request: LeaderRequest): void {
    if (request === "flush") this.connections.flush();
    if (request === "typing") this.connections.typing();
    if (request === "leave") this.signOut();
    if (request === "reconnect") this.connections.retryNow();
    if (request === "offline") this.connections.onOffline();
  }

  private signOut(): void {
    const identity = this.identity();
    const leaveSent = this.connections.leave();
    if (identity && !leaveSent) void this.access.revokeToken(identity.token);
    this.publishChat({ kind: "signedOut", reason: "left" });
  }
}
