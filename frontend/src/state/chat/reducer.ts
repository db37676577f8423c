import { onFrame } from "./frames";
import { conversationOf, mergePage, openConversation } from "./messages";
import {
  type ChatEvent,
  type ChatState,
  EMPTY_CHAT,
  isSameNotice,
  isSamePerson,
  type OutgoingMessage,
} from "./model";
import { countPage, markRead, withOpenRooms } from "./rooms";

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
        connection: state.connection,
      };
    case "signedOut":
      return { ...EMPTY_CHAT, signedOut: event.reason, bannedUntil: state.bannedUntil };
    case "page":
      return countPage(mergePage(state, event.room, event.page), event.room);
    case "opened":
      return openConversation(state, event.room);
    case "openRooms":
      return withOpenRooms(state, event.rooms);
    case "read":
      return markRead(state, event.room, event.seq);
    case "marks":
      return { ...state, reads: event.reads };
    case "queued":
      return queue(state, { status: "queued", ...event.item });
    case "sending":
      return { ...state, outbox: mark(state.outbox, event.clientId, "sending") };
    case "requeued":
      return { ...state, outbox: mark(state.outbox, event.clientId, "queued") };
    case "discarded":
      return { ...state, outbox: state.outbox.filter(item => item.clientId !== event.clientId) };
    case "typingExpired":
      return {
        ...state,
        typing: state.typing.filter(one => !event.notices.some(notice => isSameNotice(notice, one))),
      };
  }
}

const mark = (outbox: readonly OutgoingMessage[], clientId: string, status: OutgoingMessage["status"]) =>
  outbox.map(({ code, ...item }) => {
    if (item.clientId === clientId) return { ...item, status };
    return code ? { ...item, code } : item;
  });

function queue(state: ChatState, item: OutgoingMessage): ChatState {
  // Another tab wrote it before it knew that another user has signed in.
  if (!isSamePerson(item.user, state.me)) return state;
  const known =
    state.outbox.some(one => one.clientId === item.clientId) ||
    conversationOf(state, item.room).messages.some(message => message.clientId === item.clientId);
  return known ? state : { ...state, outbox: [...state.outbox, item] };
}

function withStatus(
  state: ChatState,
  from: OutgoingMessage["status"],
  to: OutgoingMessage["status"],
): ChatState {
  if (!state.outbox.some(item => item.status === from)) return state;
  return {
    ...state,
    outbox: state.outbox.map(item => (item.status === from ? { ...item, status: to } : item)),
  };
}
