import type { PeopleApi } from "./backend";
import { request } from "./http";

/** The API of people, invitations and devices on the gateway at `base`. This module is loaded on first use. */
export const createPeopleApi = (base: string): PeopleApi => ({
  people: async token => (await request(base, "GET /access/people", {}, { token })).people,
  invitations: async token => (await request(base, "GET /access/invitations", {}, { token })).invitations,
  invite: (body, token) => request(base, "POST /access/invitations", { body }, { token }),
  withdraw: async (id, token) => {
    const parts = { path: { invitation_id: id }, query: {} };
    await request(base, "DELETE /access/invitations/{invitation_id}", parts, { token });
  },
  signOut: async (userId, token) => {
    const parts = { path: { user_id: userId }, query: {} };
    await request(base, "DELETE /chat/users/{user_id}/token", parts, { token });
  },
  bots: async token => (await request(base, "GET /access/bots", {}, { token })).bots,
  createBot: (body, token) => request(base, "POST /access/bots", { body }, { token }),
  removeBot: async (id, token) => {
    const parts = { path: { bot_id: id }, query: {} };
    await request(base, "DELETE /access/bots/{bot_id}", parts, { token });
  },
  linkDevice: token => request(base, "POST /access/links", {}, { token }),
  exchange: (secret, key) => request(base, "POST /access/exchange", { body: { secret } }, { key }),
});
