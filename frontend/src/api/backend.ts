import type {
  AddressSeen,
  AdoptableList,
  AuditPage,
  BatchCommand,
  BatchResult,
  Bot,
  BotCommand,
  ClientFrame,
  CloudEvent,
  CloudHistory,
  DeviceLink,
  ErasedMessage,
  EventType,
  Hook,
  HookWithSecret,
  Incident,
  IncidentsReply,
  InstanceChanged,
  InstanceList,
  InstancePatch,
  Invitation,
  LifecycleCommand,
  LogChunk,
  Message,
  NewAdoption,
  NewBot,
  NewBotToken,
  NewHook,
  NewInstance,
  NewInvitation,
  NewInvitationLink,
  NewRoom,
  NewSchedule,
  NewSubscription,
  NotificationSettings,
  NotificationsPatch,
  NotificationsReply,
  Operation,
  Person,
  Pin,
  ProviderTemplate,
  ProviderView,
  PushView,
  Registered,
  Restriction,
  Room,
  RoomMember,
  RoomPatch,
  RoomView,
  Schedule,
  SearchResults,
  ServerFrame,
  SessionView,
  SignedIn,
  StatsChunk,
  Status,
  File as StoredFile,
  ThreadReply,
  ThreadsReply,
  ThreadsUnread,
  ThreadUnread,
  User,
} from "../contract/generated";
import type { HistoryPage } from "../state/chat/model";

/** The code that browsers report if a socket ended without a close frame (RFC 6455, 7.4.1). */
export const ABNORMAL_CLOSURE = 1006;

/** The callbacks of a chat socket; nothing is called after `onClose`. */
export interface ChatListener {
  onOpen(): void;
  onFrame(frame: ServerFrame): void;
  /** `reason` may contain a retry hint: see `parseRetryHint`. */
  onClose(code: number, reason: string): void;
}

export interface ChatSocket {
  send(frame: ClientFrame): void;
  close(): void;
}

/** The callbacks of a cloud event stream; nothing is called after `onClose`. */
export interface CloudListener {
  onOpen(): void;
  /** Events that arrived together are passed together: ten thousand events must not cost ten thousand renderings. */
  onChanges(events: readonly CloudEvent[]): void;
  onReset(): void;
  /** Something has arrived: events or a heartbeat. */
  onAlive(): void;
  /** `retryAfterMs`: the reconnection time that the server asked for, if any. */
  onClose(retryAfterMs?: number): void;
}

/** Where to resume: after the event at `seq`. The rest lets the server notice that it is another event now. */
export interface CloudPosition {
  readonly seq: number;
  readonly epoch?: string | undefined;
  readonly timestamp?: string | undefined;
}

export interface CloudStream {
  close(): void;
}

/** Which past events of servers to read: those before a sequence number, latest first. */
export interface CloudHistoryQuery {
  readonly before?: number;
  readonly limit: number;
  readonly instance?: string;
  readonly type?: EventType;
  /** The name of who gave the commands, as it was shown. */
  readonly actor?: string;
  /** The first and the last moment, inclusive. */
  readonly from?: string;
  readonly to?: string;
}

/** Which entries of the audit log to read: those before a sequence number, latest first. */
export interface AuditQuery {
  readonly before?: number;
  readonly limit: number;
}

export interface HistoryQuery {
  readonly room: string;
  readonly before?: number;
  readonly limit: number;
}

/** One command of the user. All retries use the same idempotency key. */
export interface CommandRequest {
  readonly command: LifecycleCommand;
  /** Absent if the command is `create`. */
  readonly instanceId?: string;
  /** What to create; without it, a server with all defaults. */
  readonly creation?: NewInstance;
  readonly key: string;
  readonly token?: string;
}

interface RestrictionDetails {
  readonly seconds?: number;
  readonly reason?: string;
}

/** An action of a moderator. The user sees the reason; without `seconds` a restriction lasts until it is lifted. */
export type Moderation =
  | { readonly kind: "remove"; readonly room: string; readonly id: string; readonly reason?: string }
  | ({ readonly kind: "mute"; readonly name: string } & RestrictionDetails)
  | ({ readonly kind: "ban" } & ({ readonly name: string } | { readonly address: string }) &
      RestrictionDetails)
  | { readonly kind: "lift"; readonly id: string };

/** The callbacks of the log or the statistics of one server; nothing is called after `onClose`. */
export interface FollowListener<Chunk> {
  onOpen(): void;
  onChunk(chunk: Chunk): void;
  /** `error`: why there is no more; undefined if the server ended it. `reason`: what the provider says about that. */
  onClose(error: Error | undefined, reason: string | undefined): void;
}

/** The API of servers that only their view uses, which loads it. `id` is an id or a name. */
export interface ServersApi {
  /** Command several servers; the result of each, in the order of the ids. */
  batch(command: BatchCommand, key: string, token?: Token): Promise<readonly BatchResult[]>;
  /** Change the name, labels or protection of a server; takes effect at once. */
  change(id: string, patch: InstancePatch, key: string, token?: Token): Promise<InstanceChanged>;
  adopt(adoption: NewAdoption, key: string, token?: Token): Promise<Operation>;
  /** Approve or deny a command that awaits approval. A repeated call changes nothing. */
  decide(operationId: string, decision: "approve" | "deny", token?: Token): Promise<Operation>;
  /** All schedules, by name. */
  schedules(token?: Token): Promise<readonly Schedule[]>;
  /** Make a schedule. A repeated call changes nothing. */
  schedule(schedule: NewSchedule, token?: Token): Promise<Schedule>;
  /** Remove a schedule. A repeated call changes nothing. */
  unschedule(name: string, token?: Token): Promise<void>;
  providers(token?: Token): Promise<readonly ProviderView[]>;
  templates(token?: Token): Promise<readonly ProviderTemplate[]>;
  adoptable(provider: string, token?: Token): Promise<AdoptableList>;
  openLog(id: string, tail: number, listener: FollowListener<LogChunk>, token?: Token): CloudStream;
  /** The use of resources in the last 15 minutes, and from now on if `follow`. */
  openStats(id: string, follow: boolean, listener: FollowListener<StatsChunk>, token?: Token): CloudStream;
}

/** The API of people, invitations, bots and devices, which its views load. */
export interface PeopleApi {
  people(token?: Token): Promise<readonly Person[]>;
  invitations(token?: Token): Promise<readonly Invitation[]>;
  /** Invite a person. The link in the result is relative to the page. */
  invite(invitation: NewInvitation, token?: Token): Promise<NewInvitationLink>;
  withdraw(invitationId: string, token?: Token): Promise<void>;
  /** Sign out a user on all devices, and free their name. */
  signOut(userId: string, token?: Token): Promise<void>;
  /** The user's bots; for admins, all. */
  bots(token?: Token): Promise<readonly Bot[]>;
  /** Make a bot, or give one of the user's another role and token. The result alone has the token. */
  createBot(bot: NewBot, token?: Token): Promise<NewBotToken>;
  removeBot(botId: string, token?: Token): Promise<void>;
  /** Make a link that signs in another device of the token's owner. */
  linkDevice(token: string): Promise<DeviceLink>;
  /** Use a link. A repeated call with the same `key`, which can't be guessed, gets the same result. */
  exchange(secret: string, key: string): Promise<SignedIn>;
}

/** The API of rooms, which their views load. `room` is the id of one. All but `list` take a user's token. */
export interface RoomsApi {
  /** The rooms that everybody is in, public ones, and the user's own; the first thousands. */
  list(token?: Token): Promise<readonly RoomView[]>;
  /** The members of a room; the first thousands. */
  members(room: string, token?: Token): Promise<readonly RoomMember[]>;
  create(room: NewRoom, key: string, token?: Token): Promise<Room>;
  /** The room of the user and one to seven others, by their ids. */
  direct(users: readonly string[], token?: Token): Promise<Room>;
  change(room: string, patch: RoomPatch, token?: Token): Promise<Room>;
  join(room: string, token?: Token): Promise<void>;
  leave(room: string, token?: Token): Promise<void>;
  invite(room: string, users: readonly string[], token?: Token): Promise<void>;
  expel(room: string, userId: string, token?: Token): Promise<void>;
}

/** The API of notifications, which their views load. All take a user's token. */
export interface NotificationsApi {
  get(token?: Token): Promise<NotificationsReply>;
  change(patch: NotificationsPatch, token?: Token): Promise<NotificationSettings>;
  /** Push to this device. */
  subscribe(subscription: NewSubscription, token?: Token): Promise<PushView>;
  unsubscribe(token?: Token): Promise<PushView>;
}

/** What to search for; the filters may also be in the text. */
export interface SearchQuery {
  readonly q: string;
  readonly limit: number;
  readonly cursor?: string;
}

/** The search, and what a hit leads to. Their views load it. */
export interface SearchApi {
  search(query: SearchQuery, token?: Token): Promise<SearchResults>;
  /** The messages of a room around a place, in ascending order. */
  around(room: string, seq: number, token?: Token): Promise<readonly Message[]>;
}

/** Which replies to a message to read: the last ones, or those before a sequence number. */
export interface ThreadQuery {
  readonly room: string;
  readonly id: string;
  readonly before?: number;
}

/** The API of threads and pinned messages, which only their panels use. */
export interface MessagesApi {
  thread(query: ThreadQuery, token?: Token): Promise<ThreadReply>;
  /** The threads that the user follows, the one with the newest reply first; those before a sequence number. */
  threads(before: number | undefined, token?: Token): Promise<ThreadsReply>;
  /** What is unread in them, including replies up to a sequence number. */
  threadsUnread(atLeast: number, token?: Token): Promise<ThreadsUnread>;
  /** Follow the thread of a message, or stop following it. */
  follow(room: string, id: string, on: boolean, token?: Token): Promise<ThreadUnread>;
  /** The user has read a thread up to a sequence number. */
  readThread(room: string, id: string, seq: number, token?: Token): Promise<ThreadUnread>;
  /** The commands that bots offer now. */
  commands(token?: Token): Promise<readonly BotCommand[]>;
  /** All pinned messages of a room, the one that was pinned last first. */
  pins(room: string, token?: Token): Promise<readonly Pin[]>;
}

/** The API of hooks, which their page loads. A secret is returned once, when it is made. */
export interface HooksApi {
  list(token?: Token): Promise<readonly Hook[]>;
  create(hook: NewHook, token?: Token): Promise<HookWithSecret>;
  /** Make another secret; the one before stays valid for a day. */
  rotate(id: string, token?: Token): Promise<HookWithSecret>;
  remove(id: string, token?: Token): Promise<void>;
}

/** Which incidents to list: the one that changed last first. */
export interface IncidentsQuery {
  readonly status?: Incident["status"];
  readonly before?: number;
}

/** What people do with an incident. */
export type IncidentAction = "lead" | "close" | "reopen";

/** What was in a room; the texts of `erased` are gone. */
export interface PastMessages {
  readonly messages: readonly Message[];
  readonly erased: readonly ErasedMessage[];
}

/** The API of incidents, and of the past. Their views load it. */
export interface IncidentsApi {
  list(query: IncidentsQuery, token?: Token): Promise<IncidentsReply>;
  /** The incident of a thread, by the id of its first message; undefined if it is none. */
  find(id: string, token?: Token): Promise<Incident | undefined>;
  act(id: string, action: IncidentAction, key: string, token?: Token): Promise<Incident>;
  /** The report as Markdown. */
  report(id: string, token?: Token): Promise<string>;
  /** The last messages of a room as it was when `at` was the last sequence number. */
  past(room: string, at: number, token?: Token): Promise<PastMessages>;
  /** The place of the first message after a sequence number; undefined if there is none. */
  following(room: string, seq: number, token?: Token): Promise<number | undefined>;
  /** The servers as they were at a time. */
  servers(time: string, token?: Token): Promise<InstanceList>;
}

/** An upload of one file. All attempts use the same idempotency key. */
export interface Upload {
  readonly file: Blob;
  readonly room: string;
  readonly name: string;
  readonly key: string;
  readonly token: Token;
  /** The share that was sent, from 0 to 1. */
  readonly onProgress: (share: number) => void;
  readonly signal: AbortSignal;
}

/** The API of files, which their views load. */
export interface FilesApi {
  upload(request: Upload): Promise<StoredFile>;
  content(id: string, token: Token, signal: AbortSignal): Promise<Blob>;
}

/** Authenticates a request; without it, the request is anonymous. */
type Token = string | undefined;

/** The server's API as the page uses it, implemented over HTTP and by the mock server. */
export interface Backend {
  /** The user whom the token belongs to, and their permissions. */
  session(token?: Token): Promise<SessionView>;
  /** Sign out this device, or all devices of the user, which frees the name. */
  signOut(token: string, everywhere?: boolean): Promise<void>;
  /** Register a name; with a proof (a static token or an ID token), the registration gets the role of the proof. */
  register(name: string, proof?: Token): Promise<Registered>;
  users(token?: Token): Promise<readonly User[]>;
  history(query: HistoryQuery, token?: Token): Promise<HistoryPage>;
  instances(token?: Token): Promise<InstanceList>;
  cloudHistory(query: CloudHistoryQuery, token?: Token): Promise<CloudHistory>;
  command(request: CommandRequest): Promise<Operation>;
  cancel(operationId: string, token?: Token): Promise<Operation>;
  /** Load the rest of the API of servers. */
  servers(): Promise<ServersApi>;
  /** Load the API of people, invitations and devices. */
  people(): Promise<PeopleApi>;
  /** Load the API of rooms. */
  rooms(): Promise<RoomsApi>;
  /** Load the API of threads and pinned messages. */
  messages(): Promise<MessagesApi>;
  /** Load the API of notifications. */
  notifications(): Promise<NotificationsApi>;
  /** Load the search. */
  search(): Promise<SearchApi>;
  /** Load the API of hooks. */
  hooks(): Promise<HooksApi>;
  /** Load the API of incidents and of the past. */
  incidents(): Promise<IncidentsApi>;
  /** Load the API of files. */
  files(): Promise<FilesApi>;
  /** The mutes and bans that are in force. */
  restrictions(token?: Token): Promise<readonly Restriction[]>;
  /** The addresses from which users called `name` are or recently were connected, latest first. Calls are audited. */
  addresses(name: string, token?: Token): Promise<readonly AddressSeen[]>;
  moderate(action: Moderation, token?: Token): Promise<void>;
  /** A page of the audit log, in ascending order. */
  audit(query: AuditQuery, token?: Token): Promise<AuditPage>;
  /** The status of all services and streams. */
  status(token?: Token): Promise<Status>;
  openChat(listener: ChatListener): ChatSocket;
  openCloud(position: CloudPosition, listener: CloudListener, token?: Token): CloudStream;
}
