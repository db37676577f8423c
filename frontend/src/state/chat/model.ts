import type { ServerFrame } from "../../api/backend";
import type { ErrorCode, Message, Mute, User } from "../../contract/generated";
import { type ConnectionState, IDLE_CONNECTION } from "../connection";

export const ROOM = "general";
/** How many messages are held in memory; the oldest go first and come back on scrolling up. */
export const MESSAGES_MAX = 100_000;
/** How long a notice that someone types holds, unless repeated. */
export const TYPING_MS = 5_000;

/** A message of one's own on its way; it becomes a `Message` once the server has stored it. */
export interface OutgoingMessage {
  readonly clientId: string;
  readonly text: string;
  readonly at: number;
  readonly status: "queued" | "sending" | "failed";
  readonly code?: ErrorCode;
}

export interface TypingUser {
  readonly user: User;
  readonly until: number;
}

export type SignOutReason = "left" | "token_invalid" | "name_lost" | "banned";

/** A message as it is shown: of one that was removed the place stays, without its text. */
export type ShownMessage = Message & { readonly removed?: true };

/** How many removed messages are remembered, lest a page that was read before brings their text back. */
export const REMOVED_MAX = 1_000;

export interface ChatState {
  readonly me?: User;
  readonly signedOut?: SignOutReason;
  readonly users: readonly User[];
  /** Ascending by sequence, each sequence once. */
  readonly messages: readonly ShownMessage[];
  /** Ids of messages that were removed, the last ones. */
  readonly removed: readonly string[];
  /** One may read and not speak. */
  readonly muted?: Mute | undefined;
  /** When the ban ends that signed us out, or is about to. */
  readonly bannedUntil?: string | undefined;
  /** Whether a first page of history has come. */
  readonly loaded: boolean;
  /** Whether the server may hold messages before the first of `messages`. */
  readonly hasOlder: boolean;
  /** The sequence up to which nothing is missing: where to resume from. */
  readonly resumeFrom?: number;
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

/** What happens to the chat's state: a frame of the server, or something on this side of the wire. */
export type ChatEvent =
  | { readonly kind: "frame"; readonly frame: ServerFrame; readonly at: number }
  | { readonly kind: "connection"; readonly connection: ConnectionState }
  | { readonly kind: "signedIn"; readonly user: User }
  | { readonly kind: "signedOut"; readonly reason: SignOutReason }
  | { readonly kind: "page"; readonly messages: readonly Message[]; readonly limit: number }
  | { readonly kind: "queued"; readonly item: Pick<OutgoingMessage, "clientId" | "text" | "at"> }
  | { readonly kind: "sending"; readonly clientId: string }
  | { readonly kind: "requeued"; readonly clientId: string }
  | { readonly kind: "discarded"; readonly clientId: string }
  | { readonly kind: "typingExpired"; readonly now: number };
