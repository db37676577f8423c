import type { ErrorFrame } from "../../../contract/generated";
import { RETRYABLE } from "../../../contract/generated";
import type { ChatState } from "../model";

/** We are banned, and the socket is about to be closed; or a send was refused: it goes back into the queue where a retry may help, and stands as failed where not. */
export function onError(state: ChatState, { clientId, code, until }: ErrorFrame): ChatState {
  if (code === "banned") return { ...state, bannedUntil: until };
  if (!clientId) return state;
  const status = RETRYABLE.includes(code) ? "queued" : "failed";
  const outbox = state.outbox.map(item =>
    item.clientId === clientId ? ({ ...item, status, code } as const) : item,
  );
  return { ...state, outbox };
}
