import type { AckFrame } from "../../../contract/generated";
import { insertMessage } from "../messages";
import { type ChatState, ROOM } from "../model";

/**
 * A send of ours is stored: what was on its way becomes a message.
 *
 * It says nothing about the messages of others before it, so it doesn't move the point to resume from.
 */
export function onAck(state: ChatState, { clientId, seq, id, timestamp }: AckFrame): ChatState {
  const item = state.outbox.find(one => one.clientId === clientId);
  if (!item || !state.me) return state;
  const outbox = state.outbox.filter(one => one !== item);
  const stored = { seq, id, room: ROOM, user: state.me, text: item.text, timestamp, clientId };
  return insertMessage({ ...state, outbox }, stored);
}
