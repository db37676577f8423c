import { computed, signal } from "@preact/signals";
import { ROOM } from "../state/chat/model";

/** The views of the page. */
export type View = "chat" | "cloud" | "activity" | "people" | "hooks" | "incidents" | "past" | "status";

/** Where the page is: what its address says. */
export interface Place {
  readonly view: View;
  /** In the chat: the list of rooms and people, a room, followed threads, or a panel. A phone shows one of them. */
  readonly pane?: "list" | "room" | "person" | "details" | "thread" | "threads";
  /** The room, the name of the person, or the name or id of the server. */
  readonly id?: string;
  /** The filters of a list. */
  readonly query: string;
}

const HOME = `#/rooms/${ROOM}`;

/** Addresses of earlier releases, and what people may expect. */
const RENAMED: Readonly<Record<string, string>> = { "#/chat": HOME, "#/cloud": "#/servers" };
const renamedTo = (hash: string): string | undefined =>
  RENAMED[hash] ?? (hash.startsWith("#/chat/") ? hash.replace("#/chat/", "#/rooms/") : undefined);

/** The part of a query that shows the panel about a room. */
const DETAILS = "details";

/** The place of the message that an address leads to, as its sequence number. */
export function messageIn({ pane, query }: Place): number | undefined {
  const seq = pane === "room" ? new URLSearchParams(query).get("message") : null;
  return seq !== null && /^\d{1,16}$/.test(seq) ? Number(seq) : undefined;
}

/** The id of the message whose thread an address shows beside its room. */
export const threadIn = ({ query }: Place): string | undefined =>
  new URLSearchParams(query).get("thread") ?? undefined;

/** What an address shows of a room. */
function paneOf(query: string): "room" | "details" | "thread" {
  if (query === DETAILS) return "details";
  return query.startsWith("thread=") ? "thread" : "room";
}

/** The text of a part of an address; what is no valid escape sequence stays as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Parse the hash of an address. What no place has leads to the room. */
export function parsePlace(hash: string): Place {
  const [path = "", query = ""] = (renamedTo(hash) ?? hash).split("?", 2);
  const [, head, part = ""] = path.split("/");
  const id = decoded(part);
  switch (head) {
    case "rooms":
      if (!id) return { view: "chat", pane: "list", query };
      return { view: "chat", pane: paneOf(query), id, query };
    case "threads":
      return { view: "chat", pane: "threads", query };
    case "people":
      return id ? { view: "chat", pane: "person", id, query } : { view: "people", query };
    case "servers":
      return id ? { view: "cloud", id, query } : { view: "cloud", query };
    case "past":
      return { view: head, id: id || ROOM, query };
    case "activity":
    case "hooks":
    case "incidents":
    case "status":
      return { view: head, query };
    default:
      return { view: "chat", pane: "room", id: ROOM, query: "" };
  }
}

/** An address with filters, without those that are empty. */
function filtered(href: string, filters: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== ""));
  return query.size > 0 ? `${href}?${query}` : href;
}

/** Addresses of places, as links have them. */
export const hrefs = {
  list: "#/rooms",
  room: (id: string) => `#/rooms/${encodeURIComponent(id)}`,
  /** The panel about a room, beside it. */
  details: (id: string) => `${hrefs.room(id)}?${DETAILS}`,
  /** A message among those around it. */
  message: (room: string, seq: number) => `${hrefs.room(room)}?message=${seq}`,
  /** The thread of a message, beside its room. */
  thread: (room: string, id: string) => `${hrefs.room(room)}?thread=${encodeURIComponent(id)}`,
  /** The threads that the user follows. */
  threads: "#/threads",
  people: "#/people",
  person: (name: string) => `#/people/${encodeURIComponent(name)}`,
  servers: "#/servers",
  /** The Worklog beside the servers; a phone shows it alone. */
  worklog: (filters: Readonly<Record<string, string>> = {}) => {
    const href = filtered(hrefs.servers, filters);
    return href === hrefs.servers ? `${href}?log` : href;
  },
  server: (id: string) => `#/servers/${encodeURIComponent(id)}`,
  activity: (filters: Readonly<Record<string, string>> = {}) => filtered("#/activity", filters),
  hooks: "#/hooks",
  incidents: (filters: Readonly<Record<string, string>> = {}) => filtered("#/incidents", filters),
  /** A room and the servers as they were when a message was the last one. */
  past: (room: string, seq: number) => `#/past/${encodeURIComponent(room)}?at=${seq}`,
  status: "#/status",
} as const;

/** The place is in the hash, because a static site has no other paths. */
export const place = signal<Place>(parsePlace(location.hash));

export const view = computed(() => place.value.view);

const roomOf = ({ pane, id }: Place): string | undefined =>
  pane === "room" || pane === "details" || pane === "thread" ? id : undefined;

/** The room that the chat shows: that of the place, or the last one. */
export const currentRoom = signal(roomOf(place.peek()) ?? ROOM);

function show(next: Place): void {
  place.value = next;
  currentRoom.value = roomOf(next) ?? currentRoom.peek();
}

/** Go to a place. With `replace`, "back" doesn't return to the current one: for what changes with each key. */
export function goTo(href: string, { replace = false } = {}): void {
  if (href === location.hash) return;
  if (!replace) {
    location.hash = href;
    return;
  }
  history.replaceState(null, "", href);
  show(parsePlace(href));
}

export function watchPlace(): void {
  const follow = () => {
    const { hash } = location;
    const renamed = renamedTo(hash);
    if (renamed) history.replaceState(null, "", renamed);
    show(parsePlace(hash));
  };
  // A redirect after sign-in has restored the hash by now.
  follow();
  addEventListener("hashchange", follow);
}
