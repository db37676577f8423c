import {
  type Command,
  type ErrorCode,
  type FailureCode,
  type InstanceState,
  NAME_MAX,
} from "../contract/generated";
import type { SignOnProblem } from "../session/sign-on";
import type { WorklogKind } from "../state/cloud/model";
import { isolated } from "./isolate";
import { labelOf } from "./label";
import { plural } from "./plural";

const count = plural("en");

const commands: Record<Command, string> = {
  create: "Create",
  start: "Start",
  stop: "Stop",
  restart: "Restart",
  remove: "Remove",
  adopt: "Adopt",
  protect: "Protect",
  unprotect: "Unprotect",
  rename: "Rename",
  label: "Label",
};
const pending: Record<Command, string> = {
  create: "Creating",
  start: "Starting",
  stop: "Stopping",
  restart: "Restarting",
  remove: "Removing",
  adopt: "Adopting",
  protect: "Protecting",
  unprotect: "Unprotecting",
  rename: "Renaming",
  label: "Labeling",
};
const states: Record<InstanceState, string> = { running: "Running", stopped: "Stopped" };
const kinds: Record<WorklogKind, string> = {
  received: "Received",
  created: "Created",
  started: "Started",
  stopped: "Stopped",
  restarted: "Restarted",
  removed: "Removed",
  cancelled: "Cancelled",
  failed: "Failed",
  refused: "Rejected",
  observed: "Changed outside Opsroom",
  lost: "Lost",
  adopted: "Adopted",
  protected: "Protected",
  unprotected: "Unprotected",
  renamed: "Renamed",
  labeled: "Labels changed",
};
const errors: Record<ErrorCode | "unreachable", string> = {
  invalid_request: "Opsroom rejected the request.",
  payload_too_large: "This is too long.",
  not_found: "Not found.",
  method_not_allowed: "Opsroom doesn't support this.",
  name_invalid: "Use 1 to 32 visible characters, and only one alphabet in each word.",
  name_taken: "This nickname is already taken.",
  token_invalid: "You have been signed out. Choose a nickname again.",
  unauthenticated: "Choose a nickname first.",
  forbidden: "Your role doesn't allow this.",
  origin_refused: "Opsroom doesn't accept requests from this page's address.",
  course_off: "This interface is turned off.",
  user_unknown: "There is no such user.",
  room_unknown: "There is no such room.",
  message_unknown: "This message no longer exists.",
  file_unknown: "There is no such file.",
  storage_full: "There is no space for more files.",
  muted: "You are muted. You can still read.",
  banned: "You are banned from this chat.",
  restriction_unknown: "This mute or ban has already ended.",
  invitation_unknown: "This invitation was used, withdrawn or has expired.",
  link_invalid: "This link was used, withdrawn or has expired. Ask for a new one.",
  hello_required: "The connection failed. Reload the page.",
  instance_not_found: "This server no longer exists.",
  operation_not_found: "Opsroom no longer knows this command.",
  operation_pending: "Another command is in progress on this server.",
  operation_finished: "Too late to undo: the command has finished.",
  transition_invalid: "The server is already in this state.",
  protected: "The server is protected. Unprotect it first.",
  template_unknown: "There is no such template.",
  provider_unknown: "There is no such provider.",
  provider_away: "The server's provider is not connected.",
  unsupported: "The server's provider doesn't support this.",
  idempotency_mismatch: "This request was already used for something else. Try again.",
  idempotency_in_flight: "This request is in progress.",
  rate_limited: "Too many requests. Wait a moment.",
  request_timeout: "The request took too long. Try again.",
  overloaded: "Opsroom is busy. Try again in a moment.",
  unavailable: "Opsroom can't do this right now. Try again in a moment.",
  internal: "Something went wrong in Opsroom.",
  unreachable: "Opsroom doesn't respond.",
};
const failures: Record<FailureCode, string> = {
  provider_error: "The provider reported an error.",
  provider_timeout: "The provider took too long.",
  provider_internal: "Something went wrong at the provider.",
  simulated: "Simulated failure.",
  outcome_unknown: "The provider didn't report the outcome in time.",
  no_capacity: "The provider has no capacity left.",
  vanished: "The provider no longer has this server.",
  template_unknown: "The provider no longer has this template.",
};

const signOnProblems: Partial<Record<string, string>> = {
  insecure: "Signing in requires HTTPS.",
  denied: "Sign-in was denied.",
  mismatch: "Sign-in failed: the reply doesn't belong to this request. Try again.",
  unanswered: "The sign-in service doesn't respond.",
};

export const en = {
  title: "Opsroom",
  skip: "Skip to content",
  nav: {
    label: "Sections",
    chat: "Chat",
    cloud: "Servers",
    activity: "Activity",
    people: "People",
    status: "Status",
  },
  language: { short: "RU", switch: "переключить на русский" },
  theme: { label: "Theme", auto: "System", light: "Light", dark: "Dark" },
  help: "Help",
  search: { open: "Search messages, servers, people" },
  shortcuts: { title: "Keyboard shortcuts" },
  account: {
    label: "Account",
    of: (name: string) => `Account: ${name}`,
    open: "Open access",
    guest: "Guest",
    language: "По-русски",
  },
  cancel: "Cancel",
  tryNow: "Try now",
  missingPart: {
    text: "This part of the page didn't load. Check the connection, or reload the page if it was updated.",
    again: "Try again",
    reload: "Reload the page",
  },
  update: { ready: "A new version is ready.", reload: "Reload", later: "Later" },
  connection: {
    label: "Connection",
    more: "Service status",
    live: "Live",
    connecting: "Connecting…",
    waiting: (seconds: number) => `Reconnecting in ${count(seconds, { other: "# s" })}`,
    offline: "Offline",
    refused: "Disconnected",
    idle: "Not signed in",
    demo: "Demo",
  },
  offline: {
    title: "You're offline",
    text: "Messages that you write now will be sent when you are back online.",
  },
  noServer: {
    title: "Server not found",
    text: (address: string) => `Can't reach an Opsroom server at ${address}.`,
    demo: "Try the demo",
    settings: "Change the address",
  },
  storage: {
    title: "Your browser doesn't save anything for this page",
    text: "Its storage is full or blocked. You can continue, but after a reload you have to join again, and unsent messages are lost.",
    dismiss: "Dismiss",
  },
  trust: {
    title: "This link opens another server",
    text: "Your nickname, messages and commands would go there. Continue only if you trust it.",
    go: "Connect",
    stay: "Stay here",
  },
  join: {
    title: "Choose a nickname",
    label: "Nickname",
    submit: "Continue",
    free: "Available:",
    lookOnly: "Just view the servers",
    tooLong: (points: number, graphemes: number) =>
      points === graphemes
        ? count(points, { other: `This nickname has # characters; the limit is ${NAME_MAX}.` })
        : count(points, {
            other: `This nickname has # code points; the limit is ${NAME_MAX}. One emoji or accented letter can have several.`,
          }),
    nameLost: "Someone else took your nickname while you were away.",
  },
  access: {
    label: "Access",
    roles: { member: "member", viewer: "viewer", operator: "operator", admin: "admin" },
    nobody: "Not signed in.",
    cantSee: "You need the viewer role to see servers. Ask your administrator.",
    nameless: "View only. To make changes, choose a nickname first.",
    cantCommand: "View only. You need the operator role to make changes.",
    noGuests: "Sign in to use this portal.",
    haveToken: "I have an access token",
    title: "Sign in",
    signIn: "Sign in",
    signOut: "Sign out",
    issuerAway: "The sign-in service is unavailable.",
    tokenTitle: "Sign in with an access token",
    tokenLabel: "Access token",
    tokenHint:
      "Ask your administrator for one. The browser exchanges it for another token and doesn't keep it. Your nickname becomes the name of the token.",
    tokenInvalid: "This token isn't valid.",
    problem: (code: ErrorCode | SignOnProblem | "unreachable") =>
      signOnProblems[code] ?? errors[code as ErrorCode] ?? code,
  },
  chat: {
    you: "You",
    people: "People",
    online: (n: number) => count(n, { one: "# person here", other: "# people here" }),
    rooms: "Rooms",
    room: (name: string) => `Room ${isolated(name)}`,
    members: (n: number) => count(n, { one: "# member", other: "# members" }),
    details: "Members and settings",
    archived: "This room is archived. You can still read it.",
    inRoom: (n: number) => `In this room · ${n}`,
    morePeople: "Show more people",
    toList: "Rooms and people",
    typingShort: "typing…",
    today: "Today",
    yesterday: "Yesterday",
    newLine: "New",
    messages: "Messages",
    placeholder: "Type your message here",
    replyPlaceholder: "Reply in the thread",
    broadcast: "Also send to the room",
    send: "Send",
    emoji: "Insert an emoji",
    hint: "Enter to send, Shift+Enter for a new line",
    touchHint: "Ctrl+Enter to send",
    tooLong: (n: number) =>
      count(n, { one: "# character over the limit", other: "# characters over the limit" }),
    left: (n: number) => count(n, { one: "# character left", other: "# characters left" }),
    sending: "sending…",
    queued: "waiting for the connection",
    failed: "not sent",
    retry: "Retry",
    discard: "Discard",
    fresh: (n: number) => count(n, { one: "# new message", other: "# new messages" }),
    empty: "No messages yet. Say hello!",
    loading: "Loading messages…",
    loadingOlder: "Loading earlier messages…",
    beginning: "This is the start of the conversation.",
    removed: "Message removed",
    deleted: "Message deleted",
    mutedUntil: (when: string | undefined, reason = "") =>
      `You are muted${when ? ` until ${when}` : ""}. You can still read.${reason && ` ${isolated(reason)}`}`,
    bannedUntil: (when: string) => `You are banned from this chat until ${when}.`,
    moderate: (name: string) => `Moderate ${isolated(name)}`,
    restrictions: "Mutes and bans",
    typing: (names: readonly string[]) => {
      const [one = "", other] = names;
      if (names.length > 2) return "Several people are typing…";
      return other === undefined
        ? `${isolated(one)} is typing…`
        : `${isolated(one)} and ${isolated(other)} are typing…`;
    },
    says: (name: string, text: string) => `${name}: ${text}`,
    commands: { help: "list these commands", who: "list who is here", quit: "leave the chat" },
    escape: "To send a message that begins with a slash, begin it with two.",
    noCommand: (name: string) =>
      `There is no command /${isolated(name)}. /help lists them; to send it as a message, begin with //.`,
    bot: "bot",
    former: "an earlier user of this name",
    notLoaded: "Messages can't be loaded: no connection to Opsroom.",
  },
  cloud: {
    instances: "Servers",
    states,
    commands,
    pending,
    by: (actor: string) => (actor === "anonymous" ? "guest" : actor),
    due: (seconds: number) => (seconds > 0 ? `in ${count(seconds, { other: "# s" })}` : "any moment"),
    undo: "Undo",
    undoOf: (command: Command, id: string) => `Undo: ${labelOf(pending, command).toLowerCase()} ${id}`,
    action: (command: Command, id: string) => `${labelOf(commands, command)} ${id}`,
    copy: (id: string) => `Copy ID ${id}`,
    copied: "Copied",
    showAll: "Show all",
    unreachable: "Unknown: no connection to Opsroom.",
    dismiss: "Dismiss",
    announce: (name: string, what: string) => `Server ${name}: ${what}`,
  },
  worklog: {
    title: "Worklog",
    server: "Server",
    info: "INFO",
    error: "ERROR",
    received: (command: Command) => `Received "${labelOf(commands, command)} command"`,
    cancelled: (command: Command) => `Cancelled "${labelOf(commands, command)} command"`,
    failed: (command: Command, reason: string) => `"${labelOf(commands, command)} command" failed. ${reason}`,
    refused: (command: Command, reason: string) =>
      `"${labelOf(commands, command)} command" rejected. ${reason}`,
    kinds,
    by: (actor: string) => `by ${isolated(actor)}`,
  },
  settings: {
    title: "Settings",
    address: "Server",
    addressHint: "For example, https://opsroom.example. Leave empty to use the server of this page.",
    addressInvalid: "Enter an address that starts with http:// or https://.",
    addressSilent: (address: string) =>
      `Can't reach an Opsroom server at ${address}. The settings were not saved.`,
    mixed: "A page opened over HTTPS can only connect to HTTPS servers or to this computer.",
    demo: "Demo mode (no server)",
    notifications: "Notify me of messages while this tab is hidden",
    notificationsBlocked: "This browser doesn't allow notifications for this page.",
    save: "Save",
  },
  error: (code: ErrorCode | "unreachable") => errors[code] ?? `Something went wrong (${code}).`,
  failure: (code: FailureCode | undefined, reason: string) =>
    code === undefined || code === "provider_error"
      ? reason
        ? isolated(reason)
        : failures.provider_error
      : (failures[code] ?? isolated(reason)),
};

export type Dictionary = typeof en;
