import type { Action, Role } from "../contract/generated";
import { isolated } from "./isolate";
import { labelOf } from "./label";
import { plural } from "./plural";

const count = plural("en");

const mayDo: Record<Action, string> = {
  register: "choose a nickname",
  chat: "chat",
  see_servers: "see servers",
  command_servers: "control servers",
  see_logs: "read logs",
  moderate: "moderate",
  manage_people: "invite people",
  see_audit: "read the audit log",
};
const roles: Record<Role, string> = {
  member: "Member",
  viewer: "Viewer",
  operator: "Operator",
  admin: "Admin",
};

/** The texts of people, invitations and devices, in a separate dictionary that is loaded with what shows them. */
export const en = {
  title: "People",
  roles,
  may: (actions: readonly Action[]) => `Can ${actions.map(one => labelOf(mayDo, one)).join(", ")}`,
  find: "Find a person",
  show: "Show",
  filters: {
    all: (n: number) => `All ${n}`,
    here: (n: number) => `Here ${n}`,
    restricted: (n: number) => `Restricted ${n}`,
  },
  columns: { person: "Person", role: "Role", seen: "Last seen", devices: "Devices", state: "Status" },
  you: "You",
  noRole: "No role",
  hereNow: "Here now",
  never: "Never",
  invited: "Invited",
  devices: (n: number) => count(n, { one: "# device", other: "# devices" }),
  connections: (n: number) => count(n, { one: "# connection", other: "# connections" }),
  signedInBy: { token: "Access token", sign_on: "Single sign-on", invitation: "Invitation", bot: "Token" },
  ownedBy: (name: string) => `bot of ${isolated(name)}`,
  guest: "Nickname only",
  until: (when: string) => `until ${when}`,
  muted: (when: string) => (when ? `Muted until ${when}` : "Muted"),
  banned: (when: string) => (when ? `Banned until ${when}` : "Banned"),
  restrict: (name: string) => `Mute or ban ${isolated(name)}`,
  signOut: (name: string) => `Sign out ${isolated(name)}`,
  signOutHint: "They will be signed out on all devices, and the nickname will be free.",
  signedOut: "Signed out",
  more: (n: number) => `Show all ${n}`,
  empty: "No one is here yet. Invite your team.",
  noMatch: "No one found.",
  loading: "Loading people…",
  failed: "People could not be loaded.",
  invite: "Invite",
  inviteTitle: "Invite a person",
  nickname: "Nickname",
  nicknameHint: "It is reserved for them until the invitation expires.",
  role: "Role",
  expires: "Valid for",
  days: (n: number) => count(n, { one: "# day", other: "# days" }),
  create: "Create link",
  ready: (name: string) => `Link for ${isolated(name)}`,
  readyHint: "Send it privately. It works once: the first person to open it is signed in.",
  link: "Link",
  copyLink: "Copy link",
  endsAt: (when: string) => `Valid until ${when}.`,
  done: "Done",
  pending: "Pending invitations",
  noPending: "No pending invitations.",
  by: (who: string, when: string) => `by ${isolated(who)}, until ${when}`,
  withdraw: "Withdraw",
  withdrawOf: (name: string) => `Withdraw the invitation of ${isolated(name)}`,
  withdrawn: "Invitation withdrawn",
  adminOnly: "You need the admin role to manage people.",
  who: "In the chat now",
  device: "Use on another device",
  deviceText: (name: string) =>
    `Open this link or scan the code on the other device: it will be signed in as ${isolated(name)}.`,
  deviceHint: "It works once, for ten minutes. Don't share it: it signs in as you.",
  code: "QR code of the link",
  newLink: "New link",
  signOutHere: "Sign out here",
  signOutEverywhere: "Sign out on all devices",
  giveUp: "Give up the nickname",
  onlyDevice: (name: string) =>
    `This is the only device where you are ${isolated(name)}. If you sign out, you can't come back under this name.`,
  onlyInvited: "This is the only device where you are signed in. To come back, you need another invitation.",
  giveUpText: (name: string) =>
    `Anyone can take the name ${isolated(name)} afterwards, but they are another person: your messages stay yours. You will be signed out on all devices.`,
  everywhereText: "You will be signed out on this and all other devices.",
  joinTitle: "Sign in with this link",
  joining: "Signing in…",
  joinAs: (name: string) =>
    `You are ${isolated(name)} in this browser. If you sign in with the link, that name replaces it here.`,
  join: "Sign in",
  stay: (name: string) => `Stay ${isolated(name)}`,
  again: "Try again",
  close: "Close",
};

export type PeopleDictionary = typeof en;
