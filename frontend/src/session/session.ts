import { type ReadonlySignal, signal } from "@preact/signals";
import type { Backend } from "../api/backend";
import { RefusedError } from "../api/errors";
import type { User } from "../contract/generated";
import { ChatLink, PAGE } from "../live/chat-link";
import { CloudLink } from "../live/cloud-link";
import { TabGroup } from "../live/tab-group";
import { withEarlier } from "../state/chat/messages";
import { type ChatEvent, type ChatState, EMPTY_CHAT, ROOM } from "../state/chat/model";
import { reduceChat } from "../state/chat/reducer";
import { type CloudState, type CloudStateEvent, EMPTY_CLOUD } from "../state/cloud/model";
import { reduceCloud } from "../state/cloud/reducer";
import { Commander } from "./commander";
import { newId } from "./ids";
import type { Keep } from "./keep";
import { Outbox } from "./outbox";

interface Identity {
  readonly user: User;
  readonly token: string;
}

type SharedEvent =
  | { readonly store: "chat"; readonly event: ChatEvent }
  | { readonly store: "cloud"; readonly event: CloudStateEvent };

interface SharedState {
  readonly chat: ChatState;
  readonly cloud: CloudState;
}

/** What any tab may ask of the one that holds the connections. */
type LeaderRequest = "flush" | "typing" | "leave" | "reconnect" | "offline";

/** How much of the room a tab that joins is given; the rest it loads when someone scrolls up. */
const SNAPSHOT_MESSAGES = 500;

export interface SessionOptions {
  readonly backend: Backend;
  /** What tells this server from others: keys what is kept, and names the group of tabs. */
  readonly scope: string;
  /** Tabs with different versions of the page don't share a state that they would read differently. */
  readonly version?: string;
  readonly keep: Keep;
  readonly locks?: Pick<LockManager, "request"> | undefined;
  readonly openChannel?: (name: string) => BroadcastChannel;
  readonly isOnline?: () => boolean;
  readonly random?: () => number;
}

/** All that is live about one server: both stores, their connections, and what a person can do. */
export class Session {
  readonly commander: Commander;
  private readonly chatSignal = signal<ChatState>(EMPTY_CHAT);
  private readonly cloudSignal = signal<CloudState>(EMPTY_CLOUD);
  private readonly tabs: TabGroup<SharedEvent, SharedState, LeaderRequest>;
  private readonly outbox: Outbox;
  private readonly identityKey: string;
  private chatLink: ChatLink | undefined;
  private cloudLink: CloudLink | undefined;
  private typingTimer: ReturnType<typeof setTimeout> | undefined;
  private loadingOlder = false;
  private lastAt = 0;

  constructor(private readonly options: SessionOptions) {
    this.identityKey = `identity.${options.scope}`;
    this.outbox = new Outbox(options.keep, options.scope);
    const identity = this.identity();
    if (identity) this.applyChat({ kind: "signedIn", user: identity.user });
    for (const item of this.outbox.list()) this.applyChat({ kind: "queued", item });
    this.commander = new Commander({
      backend: options.backend,
      token: () => this.identity()?.token,
      state: () => this.cloudSignal.value,
      publish: event => this.tabs.publish({ store: "cloud", event }),
    });
    this.tabs = new TabGroup({
      name: `opsroom:${options.version ?? ""}:${options.scope}`,
      locks: options.locks,
      openChannel: options.openChannel ?? (name => new BroadcastChannel(name)),
      apply: shared =>
        shared.store === "chat" ? this.applyChat(shared.event) : this.applyCloud(shared.event),
      snapshot: () => this.snapshot(),
      restore: state => this.restore(state),
      lead: () => this.lead(),
      serve: request => this.serve(request),
    });
  }

  get chat(): ReadonlySignal<ChatState> {
    return this.chatSignal;
  }

  get cloud(): ReadonlySignal<CloudState> {
    return this.cloudSignal;
  }

  get leads(): boolean {
    return this.tabs.leads;
  }

  start = (): void => this.tabs.join();
  stop = (): void => this.tabs.leave();
  reconnect = (): void => this.tabs.request("reconnect");
  wentOffline = (): void => this.tabs.request("offline");
  resync = (): void => this.tabs.resync();

  /** Take a name; throws what the backend throws. */
  async register(name: string): Promise<void> {
    const identity = await this.options.backend.register(name);
    this.options.keep.set(this.identityKey, identity);
    this.publishChat({ kind: "signedIn", user: identity.user });
  }

  /** Names like `name` that nobody on the list has. */
  async freeNames(name: string, candidates: readonly string[]): Promise<readonly string[]> {
    const users = await this.options.backend.users().catch(() => []);
    const taken = new Set([name, ...users.map(user => user.name)].map(one => one.toLowerCase()));
    return candidates.filter(candidate => !taken.has(candidate.toLowerCase())).slice(0, 3);
  }

  leave = (): void => this.tabs.request("leave");
  typing = (): void => this.tabs.request("typing");

  say(text: string): void {
    // Two messages of one millisecond must still sort in the order in which they were typed.
    this.lastAt = Math.max(Date.now(), this.lastAt + 1);
    const item = { clientId: newId(), text, at: this.lastAt };
    this.outbox.add(item);
    this.publishChat({ kind: "queued", item });
    this.tabs.request("flush");
  }

  retry(clientId: string): void {
    this.publishChat({ kind: "requeued", clientId });
    this.tabs.request("flush");
  }

  discard = (clientId: string): void => this.publishChat({ kind: "discarded", clientId });

  /** Load the page of history before what is shown; each tab for itself. */
  async loadOlder(): Promise<void> {
    const { loaded, hasOlder, messages } = this.chatSignal.value;
    const before = messages[0]?.seq;
    if (!loaded || !hasOlder || this.loadingOlder || before === undefined) return;
    this.loadingOlder = true;
    try {
      const older = await this.options.backend.history({ room: ROOM, before, limit: PAGE });
      this.applyChat({ kind: "page", messages: older, limit: PAGE });
    } catch (error) {
      // Scrolling up asks again; a refusal would be a mistake of ours worth hearing of.
      if (error instanceof RefusedError) throw error;
    } finally {
      this.loadingOlder = false;
    }
  }

  private identity(): Identity | undefined {
    return this.options.keep.get<Identity>(this.identityKey);
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
    if (event.kind === "signedOut") this.options.keep.remove(this.identityKey);
    if (event.kind === "signedIn" && this.tabs?.leads) this.openChat();
    if (after.typing !== before.typing) this.expireTyping();
  }

  private applyCloud(event: CloudStateEvent): void {
    this.cloudSignal.value = reduceCloud(this.cloudSignal.value, event);
  }

  private expireTyping(): void {
    clearTimeout(this.typingTimer);
    const { typing } = this.chatSignal.value;
    if (typing.length === 0) return;
    const next = Math.min(...typing.map(one => one.until));
    this.typingTimer = setTimeout(
      () => this.applyChat({ kind: "typingExpired", now: Date.now() }),
      Math.max(0, next - Date.now()) + 10,
    );
  }

  private snapshot(): SharedState {
    const chat = this.chatSignal.value;
    const messages = chat.messages.slice(-SNAPSHOT_MESSAGES);
    const hasOlder = chat.hasOlder || messages.length < chat.messages.length;
    return { chat: { ...chat, messages, hasOlder }, cloud: this.cloudSignal.value };
  }

  private restore({ chat, cloud }: SharedState): void {
    this.chatSignal.value = withEarlier(chat, this.chatSignal.value);
    this.cloudSignal.value = cloud;
    this.expireTyping();
  }

  private lead(): () => void {
    const { backend, isOnline, random } = this.options;
    // A tab that crashed may have kept a message that it could tell nobody of.
    for (const item of this.outbox.list()) this.publishChat({ kind: "queued", item });
    this.cloudLink = new CloudLink({
      backend,
      state: () => this.cloudSignal.value,
      publish: event => this.tabs.leads && this.tabs.publish({ store: "cloud", event }),
      ...(isOnline ? { isOnline } : {}),
      ...(random ? { random } : {}),
    });
    this.cloudLink.start();
    this.openChat();
    return () => {
      this.cloudLink?.stop();
      this.chatLink?.stop();
    };
  }

  private openChat(): void {
    const { backend, isOnline, random } = this.options;
    const identity = this.identity();
    this.chatLink?.stop();
    if (!identity) return;
    this.chatLink = new ChatLink({
      backend,
      token: identity.token,
      state: () => this.chatSignal.value,
      publish: event => this.tabs.leads && this.publishChat(event),
      ...(isOnline ? { isOnline } : {}),
      ...(random ? { random } : {}),
    });
    this.chatLink.start();
  }

  private serve(request: LeaderRequest): void {
    if (request === "flush") this.chatLink?.flush();
    if (request === "typing") this.chatLink?.typing();
    if (request === "leave") this.signOut();
    if (request === "reconnect") for (const link of [this.chatLink, this.cloudLink]) link?.retryNow();
    if (request === "offline") for (const link of [this.chatLink, this.cloudLink]) link?.wentOffline();
  }

  private signOut(): void {
    this.chatLink?.leave();
    this.publishChat({ kind: "signedOut", reason: "left" });
  }
}
