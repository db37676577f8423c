import type { Backend } from "../api/backend";
import { type ChatState, type HistoryPage, ROOM } from "../state/chat/model";

const PAGE_SIZE = 60;

/**
 * Read the messages before a sequence number. A page of the server can be short or empty although there are earlier
 * messages, for example if they were removed: this reads on until there is a message or no more. Throws what the
 * backend throws.
 */
export async function readHistory(
  backend: Pick<Backend, "history">,
  before: number,
  token: string | undefined,
): Promise<HistoryPage> {
  let page = await backend.history({ room: ROOM, before, limit: PAGE_SIZE }, token);
  while (page.messages.length === 0 && page.next !== undefined)
    page = await backend.history({ room: ROOM, before: page.next, limit: PAGE_SIZE }, token);
  return page;
}

/** Whether the sequence numbers of a page are those of another stream than the state's. */
export const isOfOtherEpoch = (page: HistoryPage, state: ChatState): boolean =>
  page.epoch !== undefined && state.epoch !== undefined && page.epoch !== state.epoch;
