import type { RoomMember, RoomView } from "../contract/generated";
import type { RoomsApi } from "./backend";
import { request } from "./http";

/** How many pages of a list are read at most: what follows is found by its name or its address. */
const PAGES_MAX = 4;

interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string | undefined;
}

/** Read a list page by page; `read` gets the `next` of the page before. */
async function readPages<T>(read: (after: { after?: string }) => Promise<Page<T>>): Promise<readonly T[]> {
  let page = await read({});
  let items = page.items;
  for (let count = 1; page.next !== undefined && count < PAGES_MAX; count += 1) {
    page = await read({ after: page.next });
    items = [...items, ...page.items];
  }
  return items;
}

/** The API of rooms on the gateway at `base`. This module is loaded on first use. */
export const createRoomsApi = (base: string): RoomsApi => ({
  list: token =>
    readPages<RoomView>(async query => {
      const { rooms, next } = await request(base, "GET /chat/rooms", { query }, { token });
      return { items: rooms, next };
    }),
  members: (room, token) =>
    readPages<RoomMember>(async query => {
      const parts = { path: { room }, query };
      const { members, next } = await request(base, "GET /chat/rooms/{room}/members", parts, { token });
      return { items: members, next };
    }),
  create: (body, key, token) => request(base, "POST /chat/rooms", { body }, { key, token }),
  direct: (users, token) => request(base, "POST /chat/direct", { body: { users: [...users] } }, { token }),
  change: (room, body, token) =>
    request(base, "PATCH /chat/rooms/{room}", { path: { room }, body }, { token }),
  join: async (room, token) => {
    await request(base, "POST /chat/rooms/{room}/join", { path: { room } }, { token });
  },
  leave: async (room, token) => {
    await request(base, "POST /chat/rooms/{room}/leave", { path: { room } }, { token });
  },
  invite: async (room, users, token) => {
    const parts = { path: { room }, body: { users: [...users] } };
    await request(base, "POST /chat/rooms/{room}/invite", parts, { token });
  },
  expel: async (room, user_id, token) => {
    const path = { room, user_id };
    await request(base, "DELETE /chat/rooms/{room}/members/{user_id}", { path }, { token });
  },
});
