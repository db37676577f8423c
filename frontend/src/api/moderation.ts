import type { AddressSeen, Restriction } from "../contract/generated";
import type { Moderation } from "./backend";
import { request } from "./http";

/** Perform a moderation action on the gateway at `base`. This module is loaded on first use. */
export async function moderate(base: string, action: Moderation, token: string | undefined): Promise<void> {
  const options = { token };
  switch (action.kind) {
    case "remove": {
      const { room, id: message_id, reason } = action;
      const parts = { path: { room, message_id }, query: reason ? { reason } : {} };
      await request(base, "DELETE /chat/rooms/{room}/messages/{message_id}", parts, options);
      return;
    }
    case "lift": {
      const path = { restriction_id: action.id };
      await request(base, "DELETE /chat/restrictions/{restriction_id}", { path, query: {} }, options);
      return;
    }
    case "mute": {
      const { kind, ...body } = action;
      await request(base, "POST /chat/mutes", { body }, options);
      return;
    }
    default: {
      const { kind, ...body } = action;
      await request(base, "POST /chat/bans", { body }, options);
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
