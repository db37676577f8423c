import type { NotificationsApi } from "./backend";
import { request } from "./http";

/** The API of notifications on the gateway at `base`. This module is loaded on first use. */
export const createNotificationsApi = (base: string): NotificationsApi => ({
  get: token => request(base, "GET /chat/notifications", {}, { token }),
  change: (body, token) => request(base, "PATCH /chat/notifications", { body }, { token }),
  subscribe: (body, token) => request(base, "PUT /chat/notifications/push", { body }, { token }),
  unsubscribe: token => request(base, "DELETE /chat/notifications/push", {}, { token }),
});
