import type { MessageFrame } from "../../../contract/generated";
import { insertMessage } from "../messages";
import type { ChatState } from "../model";

/** A message in the room; it may be our own, and it may be a duplicate. */
export function onMessage(state: ChatState, { type: _type, ...message }: MessageFrame): ChatState {
  const { clientId, seq, user } = message;
  return {
    ...insertMessage(state, message),
    resumeFrom: Math.max(state.resumeFrom ?? 0, seq),
    outbox: clientId ? state.outbox.filter(item => item.clientId !== clientId) : state.outbox,
    typing: state.typing.filter(one => one.user.id !== user.id),
  };
}
