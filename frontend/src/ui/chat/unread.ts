import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import type { Message } from "../../contract/generated";
import type { ChatState } from "../../state/chat/model";
import { readUpTo } from "../../state/chat/rooms";
import { unreadReplies } from "../../state/chat/threads";
import { currentRoom, place } from "../place";

/** How many messages of others the user has not read, in followed threads and in rooms but the one before them. */
export const unread = signal(0);
/** The sequence number after which messages of the shown room are new; undefined: none are. */
export const seenUpTo = signal<number | undefined>(undefined);

/** The shortest interval between two marks of what was read. */
const MARK_INTERVAL_MS = 1_000;

const isTabHidden = signal(document.hidden);

const isPhone = (): boolean => matchMedia("(max-width: 640px)").matches;

/** The room that the user has before them, if any. */
export const reading = computed(() => {
  const { view, pane } = place.value;
  const isShown =
    !isTabHidden.value && view === "chat" && pane !== "threads" && (pane === "room" || !isPhone());
  return isShown ? currentRoom.value : undefined;
});

interface Reader {
  readonly chat: ReadonlySignal<ChatState>;
  /** Called with how far the user has read a room. */
  readonly onRead: (room: string, seq: number) => void;
  /** Called with the messages of others that have just arrived. */
  readonly onFresh: (messages: readonly Message[]) => void;
}

/** Calls `onRead` at once, but not more often than marks may be made; `flush` calls it with what is left. */
function throttled(onRead: Reader["onRead"]) {
  let next: { readonly room: string; readonly seq: number } | undefined;
  let markedAt = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (!next) return;
    const { room, seq } = next;
    next = undefined;
    markedAt = performance.now();
    onRead(room, seq);
  };
  const mark = (room: string, seq: number) => {
    if (next && next.room !== room) flush();
    next = { room, seq };
    timer ??= setTimeout(flush, Math.max(0, markedAt + MARK_INTERVAL_MS - performance.now()));
  };
  return { mark, flush };
}

/** Follow what the user reads, and count the rest; returns a function that stops this. */
export function watchUnread({ chat, onRead, onFresh }: Reader): () => void {
  const { mark, flush } = throttled(onRead);
  const rooms = computed(() => chat.value.rooms);
  const arrived = computed(() => chat.value.arrived);
  const replies = computed(() => unreadReplies(chat.value));
  const onRooms = effect(() => {
    const others = [...rooms.value].filter(([id]) => id !== reading.value);
    unread.value = others.reduce((sum, [, room]) => sum + room.unread, replies.value);
  });
  let last = arrived.peek().at(-1)?.seq ?? 0;
  const onArrived = effect(() => {
    const fresh = arrived.value.filter(({ seq }) => seq > last);
    last = arrived.value.at(-1)?.seq ?? 0;
    if (fresh.length > 0) onFresh(fresh);
  });
  // The room whose messages the user has before them.
  let shown: string | undefined;
  const onMessages = effect(() => {
    const state = chat.value;
    const room = reading.value;
    const { messages, loaded } = (room && state.conversations.get(room)) || {};
    if (room === undefined || !loaded || !messages) {
      flush();
      shown = undefined;
      seenUpTo.value = undefined;
      return;
    }
    const read = readUpTo(state, room);
    const newest = messages.at(-1);
    if (shown !== room) seenUpTo.value = state.rooms.get(room)?.unread ? read : undefined;
    // A user who writes has read what is there.
    else if (newest?.user.id === state.me?.id) seenUpTo.value = undefined;
    shown = room;
    if (newest && newest.seq > (read ?? -1)) mark(room, newest.seq);
  });

  const onVisibility = () => {
    isTabHidden.value = document.hidden;
  };
  onVisibility();
  document.addEventListener("visibilitychange", onVisibility);
  addEventListener("pagehide", flush);
  return () => {
    flush();
    onRooms();
    onArrived();
    onMessages();
    document.removeEventListener("visibilitychange", onVisibility);
    removeEventListener("pagehide", flush);
    unread.value = 0;
    seenUpTo.value = undefined;
  };
}
