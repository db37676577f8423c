import type { Backend } from "../api/backend";
import type { ChatState, HistoryPage } from "../state/chat/model";

const PAGE_SIZE = 60;

/** Which messages to read: the last ones of a room, or those before a sequence number. */
interface HistoryPlace {
  readonly room: string;
  readonly before?: number;
}

/**
 * Read a page of history. A page of the server can be short or empty although there are earlier
 * messages, for example if they were removed: this reads on until there is a message or no more. Throws what the
 * backend throws.
 */
export async function readHistory(
  backend: Pick<Backend, "history">,
  place: HistoryPlace,
  token: string | undefined,
): Promise<HistoryPage> {
  let page = await backend.history({ ...place, limit: PAGE_SIZE }, token);
  while (page.messages.length === 0 && page.next !== undefined)
    page = await backend.history({ room: place.room, before: page.next, limit: PAGE_SIZE }, token);
  return page;
}

/** Whether the sequence numbers of a page are those of another stream than the state's. */
export const isOfOtherEpoch = (page: HistoryPage, state: ChatState): boolean =>
  page.epoch !== undefined && state.epoch !== undefined && page.epoch !== state.epoch;
