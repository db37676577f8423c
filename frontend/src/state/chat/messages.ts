import type { Message } from "../../contract/generated";
import { changedBy, withChange, withOwnReactions, withoutText } from "./message-changes";
import {
  BACKGROUND_MESSAGES_MAX,
  type ChatState,
  CONVERSATIONS_MAX,
  type Conversation,
  EMPTY_CONVERSATION,
  type HistoryPage,
  MESSAGES_MAX,
  type ShownMessage,
} from "./model";

/** A message that has the changes up to `asOf`, with those that have arrived since. */
export function shown(state: ChatState, message: Message, asOf = message.seq): ShownMessage {
  if (state.removed.includes(message.id)) return withoutText(message);
  return state.recent
    .filter(frame => changedBy(frame) === message.id)
    .reduce<ShownMessage>((it, frame) => withChange(it, frame, state.me), {
      ...withOwnReactions(message, state.me),
      changedSeq: asOf,
    });
}

/** What is loaded of a room; of one that isn't in memory, nothing. */
export const conversationOf = (state: ChatState, room: string): Conversation =>
  state.conversations.get(room) ?? EMPTY_CONVERSATION;

/** The state with another conversation of `room`; the order of the conversations stays. */
export const withConversation = (state: ChatState, room: string, conversation: Conversation): ChatState => ({
  ...state,
  conversations: new Map(state.conversations).set(room, conversation),
});

/** The state while the server does not have the history of `room`. A room that isn't in memory stays so. */
export function delayed(state: ChatState, room: string): ChatState {
  const conversation = state.conversations.get(room);
  if (!conversation || conversation.loaded || conversation.isDelayed) return state;
  return withConversation(state, room, { ...conversation, isDelayed: true });
}

/** The state with another form of a message, if that is in memory. */
export function changeMessage(
  state: ChatState,
  room: string,
  id: string,
  change: (message: ShownMessage) => ShownMessage,
): ChatState {
  const conversation = conversationOf(state, room);
  const place = conversation.messages.findLastIndex(message => message.id === id);
  const message = conversation.messages[place];
  if (!message) return state;
  const messages = conversation.messages.with(place, change(message));
  return withConversation(state, room, { ...conversation, messages });
}

/** The index of `seq`, or where it would be inserted. Checks the end first, where most messages go. */
function insertionIndex(messages: readonly Message[], seq: number): number {
  const last = messages.at(-1);
  if (!last || last.seq < seq) return messages.length;
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((messages[middle]?.seq ?? 0) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A conversation without its oldest messages: they are loaded again when the user scrolls up. */
export const withLast = (conversation: Conversation, count: number): Conversation => ({
  ...conversation,
  messages: conversation.messages.slice(-count),
  hasOlder: true,
  olderBefore: undefined,
});

/** Insert a message in order, if its room is in memory; returns the same state if it is already there. */
export function insertMessage(state: ChatState, message: Message): ChatState {
  const { room } = message;
  const conversation = state.conversations.get(room);
  if (!conversation) return state;
  const place = insertionIndex(conversation.messages, message.seq);
  if (conversation.messages[place]?.seq === message.seq) return state;
  const messages = conversation.messages.toSpliced(place, 0, shown(state, message));
  const max = lastOpened(state) === room ? MESSAGES_MAX : BACKGROUND_MESSAGES_MAX;
  const next = { ...conversation, messages };
  // Drop a tenth at once, so that the copy isn't needed for every message.
  return withConversation(state, room, messages.length > max ? withLast(next, max * 0.9) : next);
}

/** The room that was opened last. */
function lastOpened({ conversations }: ChatState): string | undefined {
  let last: string | undefined;
  for (const room of conversations.keys()) last = room;
  return last;
}

/** The state after the user has opened `room`: its messages are kept, and what is too much of the others goes. */
export function openConversation(state: ChatState, room: string): ChatState {
  if (lastOpened(state) === room) return state;
  const others = [...state.conversations]
    .filter(([one]) => one !== room)
    .slice(1 - CONVERSATIONS_MAX)
    .map(([one, conversation]) => {
      const isLarge = conversation.messages.length > BACKGROUND_MESSAGES_MAX;
      return [one, isLarge ? withLast(conversation, BACKGROUND_MESSAGES_MAX) : conversation] as const;
    });
  return { ...state, conversations: new Map([...others, [room, conversationOf(state, room)]]) };
}

/** The state of a snapshot, with the older history that only this tab has loaded. */
export function mergeOlder(snapshot: ChatState, local: ChatState): ChatState {
  // The sequence numbers of another epoch mean other messages.
  if (snapshot.epoch !== local.epoch) return snapshot;
  const { arrived } = local;
  const merged = [...snapshot.conversations].map(([room, conversation]) => {
    const own = local.conversations.get(room);
    return [room, own ? withOlder(conversation, own) : conversation] as const;
  });
  return { ...snapshot, arrived, conversations: new Map(merged) };
}

function withOlder(conversation: Conversation, own: Conversation): Conversation {
  const first = conversation.messages[0];
  const last = own.messages.at(-1);
  if (!first || !last || last.seq < first.seq) return conversation;
  const earlier = own.messages.filter(message => message.seq < first.seq);
  if (earlier.length === 0) return conversation;
  const { hasOlder, olderBefore } = own;
  return { ...conversation, messages: [...earlier, ...conversation.messages], hasOlder, olderBefore };
}

/** Merge a page of history into a room's messages, without duplicates. A room that isn't in memory stays so. */
export function mergePage(
  state: ChatState,
  room: string,
  { messages: page, next, asOf }: HistoryPage,
): ChatState {
  const conversation = state.conversations.get(room);
  if (!conversation) return state;
  const known = new Set(conversation.messages.map(message => message.id));
  const fresh = page.filter(message => !known.has(message.id)).map(message => shown(state, message, asOf));
  const messages = [...fresh, ...conversation.messages].sort((a, b) => a.seq - b.seq);
  const merged = { messages, loaded: true, hasOlder: next !== undefined, olderBefore: next };
  return withConversation(state, room, merged);
}
