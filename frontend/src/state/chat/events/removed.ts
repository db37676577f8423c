import type { RemovedFrame } from "../../../contract/generated";
import { withoutText } from "../messages";
import { type ChatState, REMOVED_MAX } from "../model";

/** A message was removed: a placeholder stays. The message may not be loaded, and the event may be a duplicate. */
export function onRemoved(state: ChatState, { id, seq }: RemovedFrame): ChatState {
  const place = state.messages.findLastIndex(message => message.id === id);
  const message = state.messages[place];
  return {
    ...state,
    messages: message ? state.messages.with(place, withoutText(message)) : state.messages,
    removed: [...state.removed.filter(one => one !== id), id].slice(-REMOVED_MAX),
    resumeFrom: Math.max(state.resumeFrom ?? 0, seq),
  };
}
