import type {
  ErrorCode,
  Message,
  Mute,
  NotificationSettings,
  RoomView,
  ServerFrame,
  File as StoredFile,
  ThreadsUnread,
  User,
} from "../../contract/generated";
import { type ConnectionState, IDLE_CONNECTION } from "../connection";
import type { ChangeFrame, OutgoingChange, QueuedChange, ShownMessage } from "./message-changes";
import { type FollowedThreads, NO_THREADS } from "./threads";

export type { ShownMessage } from "./message-changes";

/** The id of the room that always exists, and that everybody is in. */
export const ROOM = "general";
/**
 * The most messages in memory of the room that was opened last. The oldest are dropped first, and loaded again when the
 * user scrolls up.
 */
export const MESSAGES_MAX = 100_000;
/** The most messages in memory of each other room. */
export const BACKGROUND_MESSAGES_MAX = 1_000;
/** Of how many rooms messages are in memory: those that were opened last. */
export const CONVERSATIONS_MAX = 20;
/** How many messages that have just arrived are kept for notifications. */
export const ARRIVED_MAX = 20;
/** Of how many rooms a browser keeps how far the user has read; more than a user can be in. */
export const READS_MAX = 600;
/** How long a typing notice is shown, unless it is repeated. */
export const TYPING_MS = 5_000;

/** An own message that the server has not yet stored; only `user`, who wrote it, sends it. */
export interface OutgoingMessage {
  readonly clientId: string;
  readonly room: string;
  readonly text: string;
  /** The id of the message that it replies to. */
  readonly thread?: string;
  /** Whether the room shows a reply, too. */
  readonly broadcast?: boolean;
  readonly files?: readonly StoredFile[] | undefined;
  readonly at: number;
  readonly user: User;
  readonly status: "queued" | "sending" | "failed";
  /** Why it failed; absent if the user left before it was sent. */
  readonly code?: ErrorCode;
}

/** A message for the queue; without a status it is to be sent. */
export type QueuedMessage = Omit<OutgoingMessage, "status"> & Partial<Pick<OutgoingMessage, "status">>;

/** Whether two registrations are one person's: a user who registers again gets another id. */
export const isSamePerson = (one: User | undefined, other: User | undefined): boolean =>
  one !== undefined && other !== undefined && (one.id === other.id || one.name === other.name);

/** A typing notice. */
export interface TypingUser {
  readonly user: User;
  readonly room: string;
  /** When the leading tab received it, by the wall clock: this distinguishes the notices of one user. */
  readonly at: number;
}

export const isSameNotice = (one: TypingUser, other: TypingUser): boolean =>
  one.user.id === other.user.id && one.at === other.at;

/** A page of history. Without `next` there are no older messages, however many messages the page has. */
export interface HistoryPage {
  readonly messages: readonly Message[];
  /** The sequence number before which the next page ends. */
  readonly next?: number | undefined;
  readonly epoch?: string | undefined;
  /** The page has every change up to this sequence number. */
  readonly asOf?: number | undefined;
}

export type SignOutReason = "left" | "token_invalid" | "name_lost" | "banned";

/** How many removed ids are kept, so that a page of history requested before the removal can't restore the text. */
export const REMOVED_MAX = 1_000;

/** What is loaded of a room, and what has arrived since. */
export interface Conversation {
  /** In ascending order of unique sequence numbers. */
  readonly messages: readonly ShownMessage[];
  /** Whether the first page of history is loaded. */
  readonly loaded: boolean;
  /** The server does not have the history at the moment, for example while it builds its index. */
  readonly isDelayed?: boolean;
  /** Whether the server may have messages before the first of `messages`. */
  readonly hasOlder: boolean;
  /** The sequence number before which the next older page ends; undefined: that of the first of `messages`. */
  readonly olderBefore?: number | undefined;
}

export const EMPTY_CONVERSATION: Conversation = { messages: [], loaded: false, hasOlder: true };

/** A room that the user is in, and what has arrived there. */
export interface RoomState extends Omit<RoomView, "people"> {
  /** Who is in a direct room. */
  readonly people?: readonly User[];
  /** How many messages of others the user has not read, as far as this page knows. */
  readonly unread: number;
  /** How many of them mention the user. */
  readonly mentions: number;
  /** The sequence number up to which messages are counted: that of the last one that arrived or was counted. */
  readonly last?: number;
}

/** Up to which sequence number the user has read each room. The numbers mean something in one epoch only. */
export interface ReadMarks {
  readonly epoch?: string | undefined;
  readonly rooms: ReadonlyMap<string, number>;
}

export interface ChatState {
  readonly me?: User;
  /** The token of our registration. */
  readonly token?: string;
  readonly signedOut?: SignOutReason;
  /** The users who are present, as far as they are loaded. */
  readonly users: readonly User[];
  /** How many users are present; undefined: as many as are loaded. */
  readonly userCount?: number | undefined;
  /** The cursor of the next page of users; undefined: all are loaded. */
  readonly nextUsers?: string | undefined;
  /** The rooms that the user is in, as far as they are known, by their ids. */
  readonly rooms: ReadonlyMap<string, RoomState>;
  /** By the ids of their rooms; the one that was opened last comes last. */
  readonly conversations: ReadonlyMap<string, Conversation>;
  readonly reads: ReadMarks;
  readonly threads: FollowedThreads;
  /** The last messages of others that have arrived, in all rooms. */
  readonly arrived: readonly Message[];
  /** The ids of the last removed messages. */
  readonly removed: readonly string[];
  /** The last changes of messages. */
  readonly recent: readonly ChangeFrame[];
  /** Set while the user may read but not write. */
  readonly muted?: Mute | undefined;
  /** The end of the ban that signs the user out. */
  readonly bannedUntil?: string | undefined;
  /** The sequence number up to which no message is missing. */
  readonly resumeFrom?: number;
  /** The timestamp of the event at `resumeFrom`, if it is known. */
  readonly resumeTimestamp?: string | undefined;
  /** The epoch of the sequence numbers; older servers have none. */
  readonly epoch?: string | undefined;
  /** The unsent messages of `me`. */
  readonly outbox: readonly OutgoingMessage[];
  /** What `me` has asked for about messages, in that order. */
  readonly changes: readonly OutgoingChange[];
  readonly typing: readonly TypingUser[];
  /** What the user is notified of; undefined: the server doesn't say. */
  readonly notify?: NotificationSettings;
  readonly connection: ConnectionState;
}

const GENERAL: RoomState = {
  room: { id: ROOM, kind: "open", name: ROOM, archived: false },
  unread: 0,
  mentions: 0,
};

export const EMPTY_CHAT: ChatState = {
  users: [],
  rooms: new Map([[ROOM, GENERAL]]),
  conversations: new Map([[ROOM, EMPTY_CONVERSATION]]),
  reads: { rooms: new Map() },
  threads: NO_THREADS,
  arrived: [],
  removed: [],
  recent: [],
  outbox: [],
  changes: [],
  typing: [],
  connection: IDLE_CONNECTION,
};

/** An event that changes the chat's state: a frame of the server, or a local event. */
export type ChatEvent =
  | { readonly kind: "frame"; readonly frame: ServerFrame; readonly at: number }
  | { readonly kind: "connection"; readonly connection: ConnectionState }
  | { readonly kind: "signedIn"; readonly user: User; readonly token: string }
  | { readonly kind: "signedOut"; readonly reason: SignOutReason }
  | { readonly kind: "page"; readonly room: string; readonly page: HistoryPage }
  /** The server does not have a room's history at the moment. */
  | { readonly kind: "delayed"; readonly room: string }
  /** The user looks at a room. */
  | { readonly kind: "opened"; readonly room: string }
  /** What a list of the server says about rooms. */
  | { readonly kind: "roomViews"; readonly rooms: readonly RoomView[] }
  /** The user has read a room up to a sequence number. */
  | { readonly kind: "read"; readonly room: string; readonly seq: number }
  /** What the server has counted in the threads that the user follows. */
  | { readonly kind: "threads"; readonly counts: ThreadsUnread }
  /** What this browser has kept of an earlier visit. */
  | { readonly kind: "marks"; readonly reads: ReadMarks }
  | { readonly kind: "queued"; readonly item: QueuedMessage }
  | { readonly kind: "changed"; readonly item: QueuedChange }
  | { readonly kind: "sending"; readonly clientId: string }
  | { readonly kind: "requeued"; readonly clientId: string }
  | { readonly kind: "discarded"; readonly clientId: string }
  | { readonly kind: "typingExpired"; readonly notices: readonly TypingUser[] };
