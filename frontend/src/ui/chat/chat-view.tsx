import { useEffect } from "preact/hooks";
import { unmarked } from "../../i18n/isolate";
import { ROOM, type RoomState } from "../../state/chat/model";
import { useApp } from "../app-context";
import { Lazy } from "../lazy";
import { linkSecret } from "../people/people-state";
import { currentRoom, hrefs, place } from "../place";
import { roomLabel } from "../rooms/room-label";
import { dictionary } from "../settings/preferences";
import { reading } from "./unread";

const loadConversation = () => import(/* webpackChunkName: "conversation" */ "./conversation");
const loadSidebar = () => import(/* webpackChunkName: "sidebar" */ "../rooms/sidebar");
const loadJoin = () => import(/* webpackChunkName: "join" */ "./join-dialog");
const loadPerson = () => import(/* webpackChunkName: "activity" */ "../activity/person-panel");

/** What is above a room, whether its messages can be shown or not. */
export function RoomHead({ state }: { readonly state: RoomState | undefined }) {
  const { me, users, connection } = useApp().store.chat.value;
  const t = dictionary.value.chat;
  const isKnown = connection.everLive || users.length > 0;
  const { room } = state ?? {};
  const note =
    room?.kind === "open" ? isKnown && t.online(users.length) : state?.members && t.members(state.members);
  return (
    <header class="pane-head">
      <a class="tool back" href={hrefs.list} title={t.toList}>
        <span class="icon icon-back" aria-hidden="true" />
        <span class="visually-hidden">{t.toList}</span>
      </a>
      <h1>
        {room?.kind === "private" && <span class="icon icon-lock" aria-hidden="true" />}
        <bdi>{roomLabel(state, me)}</bdi>
      </h1>
      {note && <p class="pane-note">{note}</p>}
      {room?.description && (
        <p class="pane-note pane-about" title={room.description} dir="auto">
          {room.description}
        </p>
      )}
    </header>
  );
}

function Room({ state }: { readonly state: RoomState }) {
  const { store } = useApp();
  const { me, conversations } = store.chat.value;
  const { id, archived } = state.room;
  const t = dictionary.value.chat;
  const isLoaded = conversations.has(id);
  const isRead = reading.value === id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is opened again when its messages were dropped
  useEffect(() => {
    if (me && isRead) store.openRoom(id);
  }, [store, me?.id, id, isRead, isLoaded]);
  return (
    <section class="room" aria-label={unmarked(t.room(roomLabel(state, me)))}>
      <RoomHead state={state} />
      <Lazy load={loadConversation} props={{ room: id, isArchived: archived }} />
    </section>
  );
}

/** That the address names a room that doesn't exist. */
function NoRoom() {
  const { error, chat } = dictionary.value;
  return (
    <section class="room placeholder" aria-label={chat.room("?")}>
      <h1>{error("room_unknown")}</h1>
      <a href={hrefs.room(ROOM)}># {ROOM}</a>
    </section>
  );
}

export function ChatView() {
  const { store } = useApp();
  const { pane = "room", id = "" } = place.value;
  const state = store.chat.value.rooms.get(currentRoom.value);
  return (
    <div class="chat" data-pane={pane}>
      <aside class="sidebar" aria-label={dictionary.value.chat.people}>
        <Lazy load={loadSidebar} props={{}} />
      </aside>
      {state ? <Room state={state} /> : <NoRoom />}
      {pane === "person" && <Lazy load={loadPerson} props={{ name: id }} />}
      {!store.chat.value.me && !linkSecret.value && <Lazy load={loadJoin} props={{}} />}
    </div>
  );
}
