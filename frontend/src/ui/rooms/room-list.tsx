import { type ReadonlySignal, useComputed } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { RoomState } from "../../state/chat/model";
import { unreadReplies } from "../../state/chat/threads";
import { useApp } from "../app-context";
import { reading } from "../chat/unread";
import { useRovingFocus } from "../list/roving-focus";
import { currentRoom, hrefs, place } from "../place";
import { dictionary } from "../settings/preferences";
import { roomDialog } from "./room-dialog-state";
import { RoomIcon } from "./room-icon";
import { plainLabel } from "./room-label";
import { sortedDirects, sortedRooms } from "./room-order";
import { roomsDictionary } from "./rooms-dictionary";

const most = (count: number): string => (count > 99 ? "99+" : String(count));

function RoomLink({ state }: { readonly state: RoomState }) {
  const { me, users } = useApp().store.chat.value;
  const [t, words] = [dictionary.value.chat, roomsDictionary.value];
  const { id, kind, description } = state.room;
  // What is before the user's eyes is read, although that may not be noted yet.
  const unread = reading.value === id ? 0 : state.unread;
  const mentions = unread > 0 ? state.mentions : 0;
  const { view, pane } = place.value;
  const isShown = currentRoom.value === id && view === "chat" && pane !== "person" && pane !== "threads";
  const isHere = state.people?.some(one => one.id !== me?.id && users.some(user => user.id === one.id));
  return (
    <li tabIndex={-1}>
      <a
        class={unread > 0 ? "sidebar-link unread" : "sidebar-link"}
        href={hrefs.room(id)}
        title={description}
        aria-current={isShown ? "page" : undefined}
      >
        <RoomIcon state={state} me={me} />
        <bdi class="sidebar-name">{plainLabel(state, me)}</bdi>
        {kind === "private" && <span class="visually-hidden">({words.privateRoom})</span>}
        {isHere && <span class="dot" data-state="running" role="img" aria-label={words.here} />}
        {unread > 0 && (
          <span class={mentions > 0 ? "badge mention" : "badge"}>
            <span aria-hidden="true">{mentions > 0 ? `@${most(mentions)}` : most(unread)}</span>
            <span class="visually-hidden">
              {t.fresh(unread)}
              {mentions > 0 && `, ${words.mentions(mentions)}`}
            </span>
          </span>
        )}
      </a>
    </li>
  );
}

/** Leads to the threads that the user follows. */
function ThreadsLink() {
  const { chat } = useApp().store;
  const count = useComputed(() => unreadReplies(chat.value)).value;
  return (
    <p class="sidebar-part">
      <a
        class={count > 0 ? "sidebar-link unread" : "sidebar-link"}
        href={hrefs.threads}
        aria-current={place.value.pane === "threads" ? "page" : undefined}
      >
        <span class="room-icon icon icon-reply" aria-hidden="true" />
        <span class="sidebar-name">{dictionary.value.chat.threads}</span>
        {count > 0 && (
          <span class="badge">
            <span aria-hidden="true">{most(count)}</span>
            <span class="visually-hidden">{roomsDictionary.value.newReplies(count)}</span>
          </span>
        )}
      </a>
    </p>
  );
}

interface ListProps {
  readonly label: string;
  readonly rooms: readonly RoomState[];
  /** The name of the button that adds one, and what it opens. */
  readonly add: string;
  readonly dialog: "new" | "direct";
}

function List({ label, rooms, add, dialog }: ListProps) {
  const list = useRef<HTMLUListElement>(null);
  useRovingFocus(list);
  return (
    <nav class="sidebar-part" aria-label={label}>
      <div class="sidebar-head">
        <h2>{label}</h2>
        <button
          type="button"
          class="tool"
          aria-label={add}
          title={add}
          onClick={() => {
            roomDialog.value = dialog;
          }}
        >
          <span class="icon icon-plus" aria-hidden="true" />
        </button>
      </div>
      {rooms.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the list is one tab stop
        <ul ref={list} class="sidebar-rooms" tabIndex={0} aria-label={label}>
          {rooms.map(state => (
            <RoomLink key={state.room.id} state={state} />
          ))}
        </ul>
      )}
    </nav>
  );
}

/** The rooms of the user, and their direct rooms. */
export function RoomList() {
  const { chat, roomViews, access } = useApp().store;
  const { backend, store } = useApp();
  const rooms: ReadonlySignal<ReadonlyMap<string, RoomState>> = useComputed(() => chat.value.rooms);
  const me = useComputed(() => chat.value.me).value;
  const words = roomsDictionary.value;
  const isIn = me !== undefined;
  useEffect(() => {
    if (!isIn) return;
    // Without the list, the rooms of the welcome are shown; the next visit tries again.
    backend
      .rooms()
      .then(api => api.list(store.token))
      .then(roomViews)
      .catch(() => undefined);
  }, [backend, store, roomViews, isIn]);
  const all = [...rooms.value.values()];
  return (
    <>
      {isIn && <ThreadsLink />}
      <List label={dictionary.value.chat.rooms} rooms={sortedRooms(all)} add={words.newRoom} dialog="new" />
      {isIn && access.may("chat") && (
        <button
          type="button"
          class="link-button sidebar-browse"
          onClick={() => {
            roomDialog.value = "browse";
          }}
        >
          {words.browse}
        </button>
      )}
      <List label={words.direct} rooms={sortedDirects(all, me)} add={words.newDirect} dialog="direct" />
    </>
  );
}
