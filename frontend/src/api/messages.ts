import type { Pin } from "../contract/generated";
import type { MessagesApi } from "./backend";
import { request } from "./http";

/** The most pinned messages that a room has. */
const PINS_MAX = 50;
/** How many followed threads are read at once. */
const THREADS_SIZE = 20;
/** How many replies are read at once. */
const PAGE_SIZE = 50;

/** The API of threads and pinned messages on the gateway at `base`. This module is loaded on first use. */
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
  threads: (before, token) => {
    const query = { limit: THREADS_SIZE, ...(before === undefined ? {} : { before }) };
    return request(base, "GET /chat/threads", { query }, { token });
  },
  threadsUnread: (atLeast, token) =>
    request(base, "GET /chat/threads/unread", { query: { atLeast } }, { token }),
  follow: (room, id, on, token) => {
    const route = `${on ? "PUT" : "DELETE"} /chat/rooms/{room}/messages/{message_id}/follow` as const;
    return request(base, route, { path: { room, message_id: id } }, { token });
  },
  readThread: (room, id, seq, token) => {
    const parts = { path: { room, message_id: id }, body: { seq } };
    return request(base, "PUT /chat/rooms/{room}/messages/{message_id}/read", parts, { token });
  },
  commands: async token => (await request(base, "GET /chat/commands", {}, { token })).commands,
  pins: async (room, token) => {
    // A room has at most 50, which the server may spread over pages.
    const pins: Pin[] = [];
    let before: number | undefined;
    do {
      const parts = { path: { room }, query: before === undefined ? {} : { before } };
      const page = await request(base, "GET /chat/rooms/{room}/pins", parts, { token });
      pins.push(...page.pins);
      before = page.next;
    } while (before !== undefined && pins.length < PINS_MAX);
    return pins;
  },
});
