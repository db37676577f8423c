import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import type { LocalStore } from "../../session/local-store";
import { isMissingOr, isNumber, isRecord, isText } from "../../session/stored";
import type { ChatState, ShownMessage } from "../../state/chat/model";
import { place } from "../place";

/** How many messages of others arrived that the user has not seen. */
export const unread = signal(0);
/** The sequence number after which messages are new; undefined: none are. */
export const seenUpTo = signal<number | undefined>(undefined);

const isTabHidden = signal(document.hidden);

const isPhone = (): boolean => matchMedia("(max-width: 640px)").matches;

/** Whether the user has the conversation before them. */
const isReading = computed(() => {
  const { view, pane } = place.value;
  return !isTabHidden.value && view === "chat" && (pane === "room" || !isPhone());
});

/** How far this browser's user has read, in one epoch of the sequence numbers. */
interface ReadMark {
  readonly seq: number;
  readonly epoch?: string | undefined;
}

const isReadMark = isRecord<ReadMark>({ seq: isNumber, epoch: isMissingOr(isText) });

interface Reader {
  readonly chat: ReadonlySignal<ChatState>;
  readonly localStore: LocalStore;
  /** Identifies the server in the keys of browser storage. */
  readonly scope: string;
  /** Called with the messages of others that have just arrived. */
  readonly onFresh: (messages: readonly ShownMessage[]) => void;
}

/** Follow what the user reads, and count the rest; returns a function that stops this. */
export function watchUnread({ chat, localStore, scope, onFresh }: Reader): () => void {
  const key = `read.${scope}`;
  // The last message that has arrived; undefined until the first page is there, which is history.
  let last: number | undefined;
  /** Store how far the user has read, if they are reading. */
  const save = () => {
    const { messages, loaded, epoch } = chat.peek();
    const seq = messages.at(-1)?.seq;
    if (loaded && seq !== undefined && isReading.peek())
      localStore.set(key, { seq, epoch } satisfies ReadMark);
  };
  const onMessages = effect(() => {
    const { messages, loaded, epoch, me } = chat.value;
    if (!loaded) {
      last = undefined;
      return;
    }
    const isLive = last !== undefined;
    const before = last ?? resumed(localStore.get(key, isReadMark), epoch);
    const later = before === undefined ? [] : messages.filter(({ seq }) => seq > before);
    const fresh = later.filter(({ user }) => user.id !== me?.id);
    last = messages.at(-1)?.seq ?? last ?? 0;
    // A user who writes has read what is there.
    if (later.length > fresh.length) seenUpTo.value = undefined;
    else if (fresh.length > 0 && !(isLive && isReading.peek())) seenUpTo.value = seenUpTo.peek() ?? before;
    if (!isReading.peek()) unread.value = (isLive ? unread.peek() : 0) + fresh.length;
    if (isLive && fresh.length > 0) onFresh(fresh);
    save();
  });
  const onPlace = effect(() => {
    // A user who comes back to the conversation sees what has arrived since.
    if (isReading.value) unread.value = 0;
    else seenUpTo.value = undefined;
    save();
  });

  const onVisibility = () => {
    isTabHidden.value = document.hidden;
  };
  onVisibility();
  document.addEventListener("visibilitychange", onVisibility);
  return () => {
    onMessages();
    onPlace();
    document.removeEventListener("visibilitychange", onVisibility);
    unread.value = 0;
    seenUpTo.value = undefined;
  };
}

/** The last message of an earlier visit, if its number still means the same. */
const resumed = (mark: ReadMark | undefined, epoch: string | undefined): number | undefined =>
  mark && mark.epoch === epoch ? mark.seq : undefined;
