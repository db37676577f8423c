import type { RestrictionKind } from "../contract/generated";
import { isolated } from "./isolate";
import { plural } from "./plural";

const HOUR = 3_600;
const DAY = 24 * HOUR;
const count = plural("en");

/** The texts of the moderation dialogs, in a separate dictionary that is loaded with the dialogs. */
export const en = {
  what: "Action",
  actions: { remove: "Remove message", mute: "Mute", ban: "Ban name", address: "Ban address" },
  hints: {
    remove: "The text is deleted for everyone. This can't be undone.",
    mute: "They can still read, and see that they are muted.",
    ban: "They will be disconnected and can't rejoin under this name.",
    address:
      "Everyone at this address will be disconnected and can't rejoin, including other people who share it.",
  },
  from: "Address",
  addressSeen: (address: string, when: string) => `${address} (${when})`,
  noAddress: "No known connection under this name in the last day.",
  howLong: "Duration",
  duration: (seconds: number) =>
    seconds < HOUR
      ? count(seconds / 60, { one: "# minute", other: "# minutes" })
      : seconds < DAY
        ? count(seconds / HOUR, { one: "# hour", other: "# hours" })
        : count(seconds / DAY, { one: "# day", other: "# days" }),
  untilLifted: "Until lifted",
  reason: "Reason (shown to the person)",
  reasonInvalid: "The reason has characters that can't be shown.",
  reasonKept: "Reason (kept in the audit log)",
  confirm: { remove: "Remove", mute: "Mute", ban: "Ban", address: "Ban address" },
  done: {
    remove: "Message removed",
    mute: "Muted",
    ban: "Banned",
    address: "Address banned",
  },
  active: (kind: RestrictionKind, until = "") =>
    `${kind === "mute" ? "Muted" : "Banned"} ${until ? `until ${until}` : "until lifted"}.`,
  lift: "Lift",
  liftOf: (whom: string) => `Lift: ${whom}`,
  lifted: "Lifted",
  list: "Mutes and bans",
  nothing: "No one is muted or banned.",
  loading: "Loading…",
  find: "Find",
  noMatch: "Nothing found.",
  by: (who: string, when: string) => `by ${isolated(who)}, ${when}`,
  newAddress: "Address to ban",
  addressInvalid: "Enter an IP address that isn't your own.",
  addressHint: "For example, 203.0.113.7 or 2001:db8::7. An IPv6 address stands for its whole /64 network.",
  close: "Close",
};

export type ModerationDictionary = typeof en;
