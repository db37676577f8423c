import type { MessagesApi } from "./backend";
import { request } from "./http";

/** How many replies are read at once. */
const PAGE_SIZE = 50;

/** The API of threads on the gateway at `base`. This module is loaded on first use. */
export const createMessagesApi = (base: string): MessagesApi => ({
  thread: ({ room, id, before }, token) => {
    const query = { limit: PAGE_SIZE, ...(before === undefined ? {} : { before }) };
    return request(
      base,
      "GET /chat/rooms/{room}/messages/{message_id}/thread",
      { path: { room, message_id: id }, query },
      { token },
    );
  },
});
