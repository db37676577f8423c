import { ROTATION_SECONDS } from "../contract/generated";
import type { HooksApi } from "./backend";
import { request } from "./http";

/** The API of hooks on the gateway at `base`. This module is loaded with their page. */
export const createHooksApi = (base: string): HooksApi => ({
  list: async token => (await request(base, "GET /hooks", {}, { token })).hooks,
  create: (body, token) => request(base, "POST /hooks", { body }, { token }),
  rotate: (id, token) =>
    request(
      base,
      "POST /hooks/{hook_id}/rotate",
      { path: { hook_id: id }, body: { seconds: ROTATION_SECONDS } },
      { token },
    ),
  remove: async (id, token) => {
    await request(base, "DELETE /hooks/{hook_id}", { path: { hook_id: id } }, { token });
  },
});
