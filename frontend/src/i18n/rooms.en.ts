import type { ErrorCode } from "../contract/generated";
import { isolated } from "./isolate";
import { plural } from "./plural";

const count = plural("en");

const problems: Partial<Record<ErrorCode, string>> = {
  name_taken: "There is already a room with this name.",
  name_invalid: "Use 1 to 64 visible characters, and only one alphabet in each word.",
  forbidden: "You can't do this in this room.",
  room_unknown: "This room doesn't exist, or you aren't in it.",
  user_unknown: "One of these people is no longer here.",
};

/** The texts of rooms, in a separate dictionary that is loaded with the list of rooms. */
export const en = {
  pinnedServers: "Pinned servers",
  incidents: "Incidents",
  peopleHere: (n: number) => `Here now · ${n}`,
  direct: "Direct messages",
  newRoom: "New room",
  newDirect: "New direct message",
  browse: "Browse rooms",
  privateRoom: "private",
  here: "here",
  away: "away",
  name: "Name",
  description: "Description",
  descriptionHint: "Optional: what the room is for.",
  isPrivate: "Private: only people who are invited see this room",
  create: "Create",
  save: "Save",
  find: "Find a room",
  findPerson: "Find a person",
  people: "People",
  chosen: (n: number, max: number) => `${n} of ${max} chosen`,
  start: "Start",
  nobody: "No one found. You can choose people who are here now.",
  noRooms: "There are no other public rooms.",
  noMatch: "No rooms found.",
  loading: "Loading…",
  again: "Try again",
  joined: "Joined",
  join: "Join",
  joinOf: (name: string) => `Join ${isolated(name)}`,
  open: "Open",
  openOf: (name: string) => `Open ${isolated(name)}`,
  mentions: (n: number) => count(n, { one: "# mention of you", other: "# mentions of you" }),
  members: (n: number) => count(n, { one: "# member", other: "# members" }),
  notMember: "You aren't in this room. Join it to read and write.",
  archived: "Archived",
  details: "About this room",
  close: "Close",
  everybody: "Everyone is in this room.",
  noDescription: "No description.",
  membersTitle: "Members",
  more: (n: number) => count(n, { one: "and # more", other: "and # more" }),
  owner: "owner",
  you: "You",
  invite: "Invite",
  inviteTitle: (name: string) => `Invite to ${isolated(name)}`,
  inviteHint: "They can read everything that was written here.",
  edit: "Edit",
  editTitle: "Edit the room",
  archive: "Archive",
  unarchive: "Restore",
  leave: "Leave",
  leaveTitle: (name: string) => `Leave ${isolated(name)}?`,
  leaveHint: "The room is private: to come back, you need an invitation.",
  expel: (name: string) => `Remove ${isolated(name)} from the room`,
  problem: (code: ErrorCode | "unreachable") => problems[code as ErrorCode],
};

export type RoomsDictionary = typeof en;
