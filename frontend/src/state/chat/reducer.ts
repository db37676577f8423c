import type { ErrorCode } from "../../contract/generated";
import { onFrame } from "./frames";
import { type OutgoingChange, replaces } from "./message-changes";
import { conversationOf, delayed, mergePage, openConversation } from "./messages";
import {
  type ChatEvent,
  type ChatState,
  EMPTY_CHAT,
  isSameNotice,
  isSamePerson,
  type OutgoingMessage,
} from "./model";
import { countPage, markRead, withViews } from "./rooms";
import { withThreadCounts } from "./threads";

/** The reducer of the chat. Pure and idempotent: applying an event twice has the same result. */
export function reduceChat(state: ChatState, event: ChatEvent): ChatState {
  switch (event.kind) {
    case "frame":
      return onFrame(state, event.frame, event.at);
    case "connection":
      // Unacknowledged messages are sent again; the server deduplicates them by their id.
      return event.connection.phase === "live"
        ? { ...state, connection: event.connection }
        : { ...withStatus(state, "sending", "queued"), connection: event.connection };
    case "signedIn":
      return {
        ...EMPTY_CHAT,
        me: event.user,
        token: event.token,
        outbox: state.outbox.filter(item => isSamePerson(item.user, event.user)),
        changes: state.changes.filter(item => isSamePerson(item.user, event.user)),
        connection: state.connection,
      };
    case "signedOut":
      return { ...EMPTY_CHAT, signedOut: event.reason, bannedUntil: state.bannedUntil };
    case "page":
      return countPage(mergePage(state, event.room, event.page), event.room);
    case "delayed":
      return delayed(state, event.room);
    case "opened":
      return openConversation(state, event.room);
    case "roomViews":
      return withViews(state, event.rooms);
    case "read":
      return markRead(state, event.room, event.seq);
    case "threads":
      return withThreadCounts(state, event.counts);
    case "marks":
      return { ...state, reads: event.reads };
    case "queued":
      return queue(state, { status: "queued", ...event.item });
    case "sending":
      return withMark(state, event.clientId, "sending");
    case "requeued":
      return withMark(state, event.clientId, "queued");
    case "discarded":
      return {
        ...state,
        outbox: state.outbox.filter(item => item.clientId !== event.clientId),
        changes: state.changes.filter(item => item.clientId !== event.clientId),
      };
    case "changed":
      return queueChange(state, { status: "queued", ...event.item });
    case "typingExpired":
      return {
        ...state,
        typing: state.typing.filter(one => !event.notices.some(notice => isSameNotice(notice, one))),
      };
  }
}

type Status = OutgoingMessage["status"];

interface Item {
  readonly clientId: string;
  readonly status: OutgoingChange["status"];
  readonly code?: ErrorCode;
}

/** An item that is sent, or is to be sent again: why it failed before is forgotten. */
const marked = <T extends Item>(items: readonly T[], clientId: string, status: Status) =>
  items.map(item => {
    if (item.clientId !== clientId) return item;
    const { code: _code, ...rest } = item;
    return { ...rest, status };
  });

const withMark = (state: ChatState, clientId: string, status: Status): ChatState => ({
  ...state,
  outbox: marked(state.outbox, clientId, status),
  changes: marked(state.changes, clientId, status),
});

/** Queue a change, instead of one that it makes pointless and that was not sent. */
function queueChange(state: ChatState, item: OutgoingChange): ChatState {
  const isKnown = state.changes.some(one => one.clientId === item.clientId);
  if (isKnown || !isSamePerson(item.user, state.me)) return state;
  const isUnsent = ({ status }: OutgoingChange) => status === "queued" || status === "failed";
  const kept = state.changes.filter(
    one => !(one.id === item.id && isUnsent(one) && replaces(item.change, one.change)),
  );
  return { ...state, changes: [...kept, item] };
}

function queue(state: ChatState, item: OutgoingMessage): ChatState {
  // Another tab wrote it before it knew that another user has signed in.
  if (!isSamePerson(item.user, state.me)) return state;
  const known =
    state.outbox.some(one => one.clientId === item.clientId) ||
    conversationOf(state, item.room).messages.some(message => message.clientId === item.clientId);
  return known ? state : { ...state, outbox: [...state.outbox, item] };
}

const restored = <T extends Item>(items: readonly T[], from: Status, to: Status) =>
  items.some(item => item.status === from)
    ? items.map(item => (item.status === from ? { ...item, status: to } : item))
    : items;

const withStatus = (state: ChatState, from: Status, to: Status): ChatState => ({
  ...state,
  outbox: restored(state.outbox, from, to),
  changes: restored(state.changes, from, to),
});
