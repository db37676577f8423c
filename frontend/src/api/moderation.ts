import type { AddressSeen, Restriction } from "../contract/generated";
import type { Moderation } from "./backend";
import { request } from "./http";

/** What admins ask of the gateway at `base`; loaded when the first of them does. */
export async function moderate(base: string, asked: Moderation, token: string | undefined): Promise<void> {
  const proof = { token };
  switch (asked.kind) {
    case "remove": {
      const { room, id: message_id, reason } = asked;
      const parts = { path: { room, message_id }, query: reason ? { reason } : {} };
      await request(base, "DELETE /chat/rooms/{room}/messages/{message_id}", parts, proof);
      return;
    }
    case "lift": {
      const path = { restriction_id: asked.id };
      await request(base, "DELETE /chat/restrictions/{restriction_id}", { path, query: {} }, proof);
      return;
    }
    case "mute": {
      const { kind, ...body } = asked;
      await request(base, "POST /chat/mutes", { body }, proof);
      return;
    }
    default: {
      const { kind, ...body } = asked;
      await request(base, "POST /chat/bans", { body }, proof);
    }
  }
}

export async function restrictions(base: string, token: string | undefined): Promise<readonly Restriction[]> {
  return (await request(base, "GET /chat/restrictions", {}, { token })).restrictions;
}

export async function addresses(
  base: string,
  name: string,
  token: string | undefined,
): Promise<readonly AddressSeen[]> {
  return (await request(base, "GET /chat/addresses", { query: { name } }, { token })).addresses;
}
