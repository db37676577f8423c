import type { ServersDictionary } from "../../../i18n/servers.en";

const MINUTE = 60_000;

/** How long ago something was, as short as possible: "now", "4 min", "2 h", "3 d". */
export function formatAge(t: ServersDictionary, at: string, now: number): string {
  const minutes = Math.floor((now - Date.parse(at)) / MINUTE);
  if (!(minutes >= 1)) return t.now;
  if (minutes < 60) return t.minutes(minutes);
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? t.hours(hours) : t.days(Math.floor(hours / 24));
}

const SHORT_ID_LENGTH = 4;

/** The beginning of an id, which tells servers with similar names apart. */
export const shortId = (id: string): string => id.slice(0, SHORT_ID_LENGTH);
