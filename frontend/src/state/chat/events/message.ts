import type { MessageFrame } from "../../../contract/generated";
import { insertMessage } from "../messages";
import type { ChatState } from "../model";

/** A message of the room, possibly one of ours on its way back, possibly one seen before. */
export function onMessage(state: ChatState, { type: _type, ...message }: MessageFrame): ChatState {
  const { clientId, seq, user } = message;
  return {
    ...insertMessage(state, message),
    resumeFrom: Math.max(state.resumeFrom ?? 0, seq),
    outbox: clientId ? state.outbox.filter(item => item.clientId !== clientId) : state.outbox,
    typing: state.typing.filter(one => one.user.id !== user.id),
  };
}
