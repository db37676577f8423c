import type { Message } from "../../contract/generated";
import { type ChatState, type HistoryPage, MESSAGES_MAX, type ShownMessage } from "./model";

/** The placeholder of a removed message. */
export const withoutText = (message: Message): ShownMessage => ({ ...message, text: "", removed: true });

const shown = (state: ChatState, message: Message): ShownMessage =>
  state.removed.includes(message.id) ? withoutText(message) : message;

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

/** Insert a message in order; returns the same state if it is already there. */
export function insertMessage(state: ChatState, message: Message): ChatState {
  const place = insertionIndex(state.messages, message.seq);
  if (state.messages[place]?.seq === message.seq) return state;
  const messages = state.messages.toSpliced(place, 0, shown(state, message));
  if (messages.length <= MESSAGES_MAX) return { ...state, messages };
  // Drop a tenth at once, so that the copy isn't needed for every message.
  return { ...state, messages: messages.slice(MESSAGES_MAX / 10), hasOlder: true, olderBefore: undefined };
}

/** The state of a snapshot, with the older history that only this tab has loaded. */
export function mergeOlder(snapshot: ChatState, local: ChatState): ChatState {
  // The sequence numbers of another epoch mean other messages.
  if (snapshot.epoch !== local.epoch) return snapshot;
  const first = snapshot.messages[0];
  const last = local.messages.at(-1);
  if (!first || !last || last.seq < first.seq) return snapshot;
  const earlier = local.messages.filter(message => message.seq < first.seq);
  if (earlier.length === 0) return snapshot;
  const { hasOlder, olderBefore } = local;
  return { ...snapshot, messages: [...earlier, ...snapshot.messages], hasOlder, olderBefore };
}

/** Merge a page of history into the messages, without duplicates. */
export function mergePage(state: ChatState, { messages: page, next }: HistoryPage): ChatState {
  const known = new Set(state.messages.map(message => message.id));
  const fresh = page.filter(message => !known.has(message.id)).map(message => shown(state, message));
  const messages = [...fresh, ...state.messages].sort((a, b) => a.seq - b.seq);
  return { ...state, messages, loaded: true, hasOlder: next !== undefined, olderBefore: next };
}
