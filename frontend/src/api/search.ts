import type { SearchApi } from "./backend";
import { request } from "./http";

/** How many messages are read before and after one. */
const AROUND = 25;

/** The search on the gateway at `base`. This module is loaded on first use. */
export const createSearchApi = (base: string): SearchApi => ({
  search: (query, token) => request(base, "GET /search", { query }, { token }),
  around: async (room, seq, token) => {
    const page = (query: { readonly before?: number; readonly after?: number }) => {
      const parts = { path: { room }, query: { ...query, limit: AROUND } };
      return request(base, "GET /chat/rooms/{room}/messages", parts, { token });
    };
    const [before, after] = await Promise.all([page({ before: seq + 1 }), page({ after: seq })]);
    return [...before.messages, ...after.messages];
  },
});
