import type { Message } from "../../contract/generated";
import { type ChatState, MESSAGES_MAX, type ShownMessage } from "./model";

/** What is left of a message that was removed. */
export const withoutText = (message: Message): ShownMessage => ({ ...message, text: "", removed: true });

const shown = (state: ChatState, message: Message): ShownMessage =>
  state.removed.includes(message.id) ? withoutText(message) : message;

/** The index at which `seq` stands or would stand. New messages mostly go to the end, so look there first. */
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

/** Put a message in its place; the same state where it stands there already. */
export function insertMessage(state: ChatState, message: Message): ChatState {
  const place = insertionIndex(state.messages, message.seq);
  if (state.messages[place]?.seq === message.seq) return state;
  const messages = state.messages.toSpliced(place, 0, shown(state, message));
  if (messages.length <= MESSAGES_MAX) return { ...state, messages };
  // Drop a tenth at a time, so that the cost is not paid on every message.
  return { ...state, messages: messages.slice(MESSAGES_MAX / 10), hasOlder: true };
}

/** The state that another tab tells, with the older history that only this tab has loaded. */
export function mergeOlder(told: ChatState, mine: ChatState): ChatState {
  const first = told.messages[0];
  const last = mine.messages.at(-1);
  if (!first || !last || last.seq < first.seq) return told;
  const earlier = mine.messages.filter(message => message.seq < first.seq);
  if (earlier.length === 0) return told;
  return { ...told, messages: [...earlier, ...told.messages], hasOlder: mine.hasOlder };
}

/** Put a page of history among the messages, each sequence once. */
export function mergePage(state: ChatState, page: readonly Message[], limit: number): ChatState {
  const known = new Set(state.messages.map(message => message.seq));
  const fresh = page.filter(message => !known.has(message.seq)).map(message => shown(state, message));
  const messages = [...fresh, ...state.messages].sort((a, b) => a.seq - b.seq);
  return { ...state, messages, loaded: true, hasOlder: page.length >= limit };
}
