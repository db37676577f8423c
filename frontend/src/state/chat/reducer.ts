import { onFrame } from "./frames";
import { mergePage } from "./messages";
import { type ChatEvent, type ChatState, EMPTY_CHAT, type OutgoingMessage } from "./model";

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
      return { ...EMPTY_CHAT, me: event.user, outbox: state.outbox, connection: state.connection };
    case "signedOut":
      return {
        ...EMPTY_CHAT,
        signedOut: event.reason,
        bannedUntil: state.bannedUntil,
        outbox: state.outbox,
      };
    case "page":
      return mergePage(state, event.page);
    case "queued":
      return queue(state, { ...event.item, status: "queued" });
    case "sending":
      return { ...state, outbox: mark(state.outbox, event.clientId, "sending") };
    case "requeued":
      return { ...state, outbox: mark(state.outbox, event.clientId, "queued") };
    case "discarded":
      return { ...state, outbox: state.outbox.filter(item => item.clientId !== event.clientId) };
    case "typingExpired":
      return { ...state, typing: state.typing.filter(one => one.until > event.now) };
  }
}

const mark = (outbox: readonly OutgoingMessage[], clientId: string, status: OutgoingMessage["status"]) =>
  outbox.map(item =>
    item.clientId === clientId ? { clientId, text: item.text, at: item.at, status } : item,
  );

function queue(state: ChatState, item: OutgoingMessage): ChatState {
  const known =
    state.outbox.some(one => one.clientId === item.clientId) ||
    state.messages.some(message => message.clientId === item.clientId);
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
