import type { AuditedAction } from "../contract/generated";
import { isolated } from "./isolate";
import { plural } from "./plural";

const count = plural("en");

const actions: Record<AuditedAction, string> = {
  cancel: "Undo",
  revoke: "Signed someone out",
  remove_message: "Removed a message",
  mute: "Muted",
  ban: "Banned",
  lift: "Lifted a mute or ban",
  locate: "Looked up addresses",
  read_log: "Opened a log",
  invite: "Invited someone",
  withdraw: "Withdrew an invitation",
  link_device: "Created a link for another device",
  use_link: "Signed in with a link",
  sign_out: "Signed out",
  create_bot: "Created a bot",
  import: "Imported messages",
  change: "Changed a server",
  batch: "Sent a command to several servers",
};

/** The texts of the activity and of the panel about a person, in a separate dictionary that is loaded with them. */
export const en = {
  filters: "Filters",
  who: "Who",
  anyone: "Anyone",
  what: "What",
  anything: "Everything",
  when: "When",
  anyTime: "Any time",
  today: "Today",
  yesterday: "Yesterday",
  week: "Last 7 days",
  onDay: "A certain day…",
  day: "Day",
  search: "Find a server or a word",
  clear: "Clear filters",
  serverEvents: "Servers",
  adminEvents: "Administration",
  requested: (command: string) => `${command} requested`,
  working: (command: string) => `Working on "${command}"`,
  undone: (command: string) => `${command} undone`,
  failed: (command: string) => `${command} failed`,
  refusedCommand: (command: string) => `${command} rejected`,
  actions,
  refused: "Rejected",
  moderation: "Moderation",
  revoke: "Sign-outs by admins",
  locate: "Address lookups",
  on: (target: string) => `Server ${target}`,
  empty: "Activity will appear here.",
  noMatch: "Nothing found.",
  loading: "Loading activity…",
  failedToLoad: "Activity could not be loaded.",
  earlier: "Load earlier activity",
  beginning: "There is no earlier activity.",
  shown: (n: number) => count(n, { one: "# entry", other: "# entries" }),
  isHere: "Here now",
  isAway: "Not here now",
  write: "Message",
  writeTo: (name: string) => `Message ${isolated(name)}`,
  recent: "Recent activity",
  all: (name: string) => `All activity by ${isolated(name)}`,
  close: "Close",
};

export type ActivityDictionary = typeof en;
