import type { RestrictionKind } from "../contract/generated";
import { plural } from "./plural";

const HOUR = 3_600;
const DAY = 24 * HOUR;
const count = plural("en");

/** The texts of the moderation dialogs: a dictionary of their own, because they are loaded with the dialogs. */
export const en = {
  what: "What to do",
  actions: { remove: "Remove the message", mute: "Mute", ban: "Ban the name", address: "Ban an address" },
  hints: {
    remove: "Its text is erased for everybody and can't be brought back.",
    mute: "They go on reading, and are told that they can't write.",
    ban: "They are sent away and can't come back under this name.",
    address: "Everybody from there is sent away and kept out, whoever else has this address too.",
  },
  from: "Which address",
  addressSeen: (address: string, when: string) => `${address} (${when})`,
  noAddress: "Nobody by this name has been connected in the last day, as far as the gateways remember.",
  howLong: "For how long",
  duration: (seconds: number) =>
    seconds < HOUR
      ? count(seconds / 60, { one: "# minute", other: "# minutes" })
      : seconds < DAY
        ? count(seconds / HOUR, { one: "# hour", other: "# hours" })
        : count(seconds / DAY, { one: "# day", other: "# days" }),
  untilLifted: "Until it is lifted",
  reason: "Why (they are told)",
  reasonKept: "Why (kept in the audit)",
  confirm: { remove: "Remove", mute: "Mute", ban: "Ban", address: "Ban the address" },
  done: {
    remove: "The message is removed",
    mute: "They are muted",
    ban: "They are banned",
    address: "The address is banned",
  },
  active: (kind: RestrictionKind, until = "") =>
    `${kind === "mute" ? "Muted" : "Banned"} ${until ? `until ${until}` : "until it is lifted"}.`,
  lift: "Lift",
  liftOf: (whom: string) => `Lift: ${whom}`,
  lifted: "Lifted",
  list: "Mutes and bans",
  nothing: "Nobody is muted or banned.",
  loading: "Loading…",
  find: "Find",
  noMatch: "Nothing matches.",
  by: (who: string, when: string) => `by ${who}, ${when}`,
  newAddress: "Address to ban",
  addressHint: "Such as 203.0.113.7 or 2001:db8::7; of version 6 the whole network of 64 bits.",
  close: "Close",
};

export type ModerationDictionary = typeof en;
