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
};
const pending: Record<Command, string> = {
  create: "Creating",
  start: "Starting",
  stop: "Stopping",
  restart: "Restarting",
  remove: "Removing",
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
};
const errors: Record<ErrorCode | "unreachable", string> = {
  invalid_request: "The server rejected the request.",
  payload_too_large: "This is too long.",
  not_found: "The server doesn't have this.",
  method_not_allowed: "The server doesn't support this.",
  name_invalid: "Use 1 to 32 visible characters, and only one alphabet in a word.",
  name_taken: "This nickname is already taken.",
  token_invalid: "You have been signed out. Choose a nickname again.",
  unauthenticated: "Choose a nickname first.",
  forbidden: "Your role doesn't allow this.",
  origin_refused: "The server doesn't accept requests from this page's address.",
  course_off: "This interface is turned off on the server.",
  user_unknown: "There is no such user.",
  room_unknown: "There is no such room.",
  message_unknown: "This message no longer exists.",
  muted: "You are muted. You can still read.",
  banned: "You are banned from this chat.",
  restriction_unknown: "This mute or ban has already ended.",
  hello_required: "The connection failed. Reload the page.",
  instance_not_found: "This server no longer exists.",
  operation_not_found: "The server no longer knows this command.",
  operation_pending: "Another command is in progress on this server.",
  operation_finished: "Too late to undo: the command has finished.",
  transition_invalid: "The server is already in this state.",
  idempotency_mismatch: "This request was already used for something else. Try again.",
  idempotency_in_flight: "This request is in progress.",
  rate_limited: "Too many requests. Wait a moment.",
  request_timeout: "The request took too long. Try again.",
  overloaded: "The server is busy. Try again in a moment.",
  unavailable: "The server can't do this right now. Try again in a moment.",
  internal: "Something went wrong on the server.",
  unreachable: "The server doesn't respond.",
};
const failures: Record<FailureCode, string> = {
  provider_error: "The provider reported an error.",
  provider_timeout: "The provider took too long.",
  provider_internal: "Something went wrong at the provider.",
  simulated: "Simulated failure.",
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
  nav: { label: "Sections", chat: "Chat", cloud: "Servers", activity: "Activity", status: "Status" },
  language: { short: "RU", switch: "переключить на русский" },
  theme: { label: "Theme", auto: "System", light: "Light", dark: "Dark" },
  help: "Help",
  search: { open: "Search servers, people, places" },
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
  noServer: {
    title: "Server not found",
    text: (address: string) => `Can't reach an Opsroom server at ${address}.`,
    demo: "Try the demo",
    settings: "Change the address",
  },
  storage: {
    title: "Your browser doesn't save anything for this page",
    text: "Its storage is full or blocked. You can go on, but after a reload you have to join again, and unsent messages are lost.",
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
      "Ask your administrator for one. This browser exchanges it for its own and doesn't keep it. Your nickname changes to the token's name.",
    tokenInvalid: "This token isn't valid.",
    problem: (code: ErrorCode | SignOnProblem | "unreachable") =>
      signOnProblems[code] ?? errors[code as ErrorCode] ?? code,
  },
  chat: {
    you: "You",
    people: "People",
    online: (n: number) => count(n, { one: "# person here", other: "# people here" }),
    rooms: "Rooms",
    room: (name: string) => `Room #${name}`,
    inRoom: (n: number) => `In this room · ${n}`,
    toList: "Rooms and people",
    typingShort: "typing…",
    today: "Today",
    yesterday: "Yesterday",
    newLine: "New",
    messages: "Messages",
    placeholder: "Type your message here",
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
    leave: "Leave the chat",
    commands: { help: "list these commands", who: "list who is here", quit: "leave the chat" },
    escape: "To send a message that begins with a slash, begin it with two.",
    noCommand: (name: string) =>
      `There is no command /${isolated(name)}. /help lists them; to send it as a message, begin with //.`,
    leaveHint:
      "Your nickname becomes free for anyone. Your messages stay, and you can't get back to being their author.",
    former: "an earlier user of this name",
    notLoaded: "The conversation can't be loaded: there is no connection to the server.",
  },
  cloud: {
    instances: "Servers",
    simulated: "Simulated: no provider is connected, so commands change nothing outside of Opsroom.",
    create: "Create server",
    status: "State",
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
    running: (n: number) => count(n, { other: "# running" }),
    stopped: (n: number) => count(n, { other: "# stopped" }),
    filter: "Show",
    all: "All",
    onlyPending: "In progress",
    sort: "Sort",
    sorts: {
      recent: "Last changed first",
      steady: "Longest unchanged first",
      id: "By ID",
      state: "Running first",
    },
    search: "Find by ID",
    emptyTitle: "No servers yet",
    emptyText: "Create one. It takes about ten seconds.",
    noMatch: "No servers found.",
    showAll: "Show all",
    loading: "Loading servers…",
    unreachable: "Unknown: no connection to the server.",
    dismiss: "Dismiss",
    removeTitle: "Remove this server?",
    removeText: "This can't be reversed once it is done. You can undo it for a few seconds.",
    removeConfirm: "Remove",
    announce: (id: string, what: string) => `Server ${id.slice(0, 8)}: ${what}`,
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
    allInstances: "All servers",
    allKinds: "All events",
    instance: "Server",
    kind: "Event",
    search: "Search the Worklog",
    copy: "Copy",
    fresh: (n: number) => count(n, { one: "# new entry", other: "# new entries" }),
    empty: "Activity will appear here.",
    loading: "Loading the Worklog…",
    noMatch: "No entries found.",
    earlier: "Load earlier entries",
    loadingEarlier: "Loading earlier entries…",
    earlierFailed: "Earlier entries could not be loaded.",
    beginning: "There are no earlier entries.",
    partial: (n: number) => count(n, { other: "The file has only the last # entries." }),
    onlyThis: (id: string) => `Show only ${id} in the Worklog`,
  },
  missedEvents: {
    title: (ago: string) => `While you were away (${ago})`,
    minutes: (n: number) => count(n, { one: "# minute", other: "# minutes" }),
    hours: (n: number) => count(n, { one: "# hour", other: "# hours" }),
    days: (n: number) => count(n, { one: "# day", other: "# days" }),
    counts: {
      created: (n: number) => count(n, { other: "# created" }),
      started: (n: number) => count(n, { other: "# started" }),
      stopped: (n: number) => count(n, { other: "# stopped" }),
      restarted: (n: number) => count(n, { other: "# restarted" }),
      removed: (n: number) => count(n, { other: "# removed" }),
      cancelled: (n: number) => count(n, { other: "# cancelled" }),
      failed: (n: number) => count(n, { other: "# failed" }),
    },
    dismiss: "Got it",
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
