import type { ErrorFrame } from "../../../contract/generated";
import { RETRYABLE } from "../../../contract/generated";
import type { ChatState } from "../model";

/**
 * A ban, after which the server closes the socket, or an error for a send: the message is queued again if a retry may
 * help, and marked as failed if not.
 */
export function onError(state: ChatState, { clientId, code, until }: ErrorFrame): ChatState {
  if (code === "banned") return { ...state, bannedUntil: until };
  if (!clientId) return state;
  const status = RETRYABLE.includes(code) ? "queued" : "failed";
  const outbox = state.outbox.map(item =>
    item.clientId === clientId ? ({ ...item, status, code } as const) : item,
  );
  return { ...state, outbox };
}
