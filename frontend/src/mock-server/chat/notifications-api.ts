import type { NotificationsApi } from "../../api/backend";
import { ApiError } from "../../api/errors";
import type { NotificationSettings, User } from "../../contract/generated";
import type { MockChat } from "./chat";

/** The settings of notifications of the demo, which pushes nothing. */
export function mockNotificationsApi(
  chat: MockChat,
  respond: <T>(work: () => T) => Promise<T>,
  userOf: (token: string | undefined) => User,
): NotificationsApi {
  const unsupported = () =>
    respond(() => {
      throw new ApiError({ code: "unsupported", detail: "push is turned off" });
    });
  return {
    get: token => respond(() => ({ settings: chat.notificationsOf(userOf(token).id) })),
    change: ({ level, rooms = {}, quiet, quietOff }, token) =>
      respond(() => {
        const { id } = userOf(token);
        const { quiet: before, ...settings } = chat.notificationsOf(id);
        const kept = Object.entries(settings.rooms).filter(([room]) => !(room in rooms));
        const chosen = Object.entries(rooms).flatMap(([room, one]) =>
          one === "usual" ? [] : [[room, one] as const],
        );
        const hours = quietOff ? undefined : (quiet ?? before);
        const after: NotificationSettings = {
          level: level ?? settings.level,
          rooms: Object.fromEntries([...kept, ...chosen]),
          ...(hours ? { quiet: hours } : {}),
        };
        chat.setNotifications(id, after);
        return after;
      }),
    subscribe: unsupported,
    unsubscribe: unsupported,
  };
}
