import type { AckFrame } from "../../../contract/generated";
import { insertMessage } from "../messages";
import { type ChatState, ROOM } from "../model";

/**
 * A message of ours is stored: it moves from the outbox to the messages.
 *
 * An ack doesn't change `resumeFrom`, because earlier messages of others may still be missing.
 */
export function onAck(state: ChatState, { clientId, seq, id, timestamp }: AckFrame): ChatState {
  const item = state.outbox.find(one => one.clientId === clientId);
  if (!item || !state.me) return state;
  const outbox = state.outbox.filter(one => one !== item);
  const stored = { seq, id, room: ROOM, user: state.me, text: item.text, timestamp, clientId };
  return insertMessage({ ...state, outbox }, stored);
}
