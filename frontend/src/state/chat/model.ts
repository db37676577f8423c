import type { ErrorCode, Message, Mute, ServerFrame, User } from "../../contract/generated";
import { type ConnectionState, IDLE_CONNECTION } from "../connection";

export const ROOM = "general";
/** The most messages in memory. The oldest are dropped first, and loaded again when the user scrolls up. */
export const MESSAGES_MAX = 100_000;
/** How long a typing notice is shown, unless it is repeated. */
export const TYPING_MS = 5_000;

/** An own message that the server has not yet stored; only `user`, who wrote it, sends it. */
export interface OutgoingMessage {
  readonly clientId: string;
  readonly text: string;
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
}

export type SignOutReason = "left" | "token_invalid" | "name_lost" | "banned";

/** A message as it is displayed; a removed one has no text. */
export type ShownMessage = Message & { readonly removed?: true };

/** How many removed ids are kept, so that a page of history requested before the removal can't restore the text. */
export const REMOVED_MAX = 1_000;

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
  /** In ascending order of unique sequence numbers. */
  readonly messages: readonly ShownMessage[];
  /** The ids of the last removed messages. */
  readonly removed: readonly string[];
  /** Set while the user may read but not write. */
  readonly muted?: Mute | undefined;
  /** The end of the ban that signs the user out. */
  readonly bannedUntil?: string | undefined;
  /** Whether the first page of history is loaded. */
  readonly loaded: boolean;
  /** Whether the server may have messages before the first of `messages`. */
  readonly hasOlder: boolean;
  /** The sequence number before which the next older page ends; undefined: that of the first of `messages`. */
  readonly olderBefore?: number | undefined;
  /** The sequence number up to which no message is missing. */
  readonly resumeFrom?: number;
  /** The timestamp of the event at `resumeFrom`, if it is known. */
  readonly resumeTimestamp?: string | undefined;
  /** The epoch of the sequence numbers; older servers have none. */
  readonly epoch?: string | undefined;
  /** The unsent messages of `me`. */
  readonly outbox: readonly OutgoingMessage[];
  readonly typing: readonly TypingUser[];
  readonly connection: ConnectionState;
}

export const EMPTY_CHAT: ChatState = {
  users: [],
  messages: [],
  removed: [],
  loaded: false,
  hasOlder: true,
  outbox: [],
  typing: [],
  connection: IDLE_CONNECTION,
};

/** An event that changes the chat's state: a frame of the server, or a local event. */
export type ChatEvent =
  | { readonly kind: "frame"; readonly frame: ServerFrame; readonly at: number }
  | { readonly kind: "connection"; readonly connection: ConnectionState }
  | { readonly kind: "signedIn"; readonly user: User; readonly token: string }
  | { readonly kind: "signedOut"; readonly reason: SignOutReason }
  | { readonly kind: "page"; readonly page: HistoryPage }
  | { readonly kind: "queued"; readonly item: QueuedMessage }
  | { readonly kind: "sending"; readonly clientId: string }
  | { readonly kind: "requeued"; readonly clientId: string }
  | { readonly kind: "discarded"; readonly clientId: string }
  | { readonly kind: "typingExpired"; readonly notices: readonly TypingUser[] };
