import type { Message, NotificationSettings, NotifyLevel, QuietHours } from "../../contract/generated";
import type { ChatState } from "./model";
import { isInRoom } from "./rooms";
import { isFollowed } from "./threads";

/** The time of day in a time zone, like 22:05; in one that this browser doesn't know, that of its own. */
function clockIn(zone: string, at: Date): string {
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  try {
    return new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone }).format(at);
  } catch {
    return new Intl.DateTimeFormat("en-GB", options).format(at);
  }
}

/** Whether a time is in the hours in which nothing is shown. The server has the same rule. */
export function isQuiet(quiet: QuietHours | undefined, at: Date): boolean {
  if (!quiet) return false;
  const clock = clockIn(quiet.zone, at);
  const { begin, end } = quiet;
  return begin < end ? begin <= clock && clock < end : clock >= begin || clock < end;
}

/** What the user is notified of in a room. */
export function levelOf(settings: NotificationSettings, room: string, isDirect: boolean): NotifyLevel {
  const own = settings.rooms[room];
  if (own) return own;
  return isDirect && settings.level !== "nothing" ? "all" : settings.level;
}

/** Whether the user wants to be notified of a message of somebody else. Servers of earlier releases have no settings. */
export function isWanted(state: ChatState, message: Message, at: Date): boolean {
  const { notify, rooms, me } = state;
  const isForAll = isInRoom(message) || isFollowed(state, message.thread);
  if (!notify) return isForAll;
  if (isQuiet(notify.quiet, at)) return false;
  const level = levelOf(notify, message.room, rooms.get(message.room)?.room.kind === "direct");
  if (level === "nothing") return false;
  const { everybody, users } = message.mentions ?? {};
  const isMentioned = everybody === true || (me !== undefined && (users?.includes(me.id) ?? false));
  return isMentioned || (level === "all" && isForAll);
}
