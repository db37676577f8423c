import { useEffect } from "preact/hooks";
import { unmarked } from "../../i18n/isolate";
import type { RoomState } from "../../state/chat/model";
import { useApp } from "../app-context";
import { Lazy } from "../lazy";
import { linkSecret } from "../people/people-state";
import { currentRoom, hrefs, place, threadIn } from "../place";
import { roomDialog } from "../rooms/room-dialog-state";
import { roomLabel } from "../rooms/room-label";
import { dictionary } from "../settings/preferences";
import { reading } from "./unread";

const loadConversation = () => import(/* webpackChunkName: "conversation" */ "./conversation");
const loadThread = () => import(/* webpackChunkName: "thread" */ "./thread/thread-panel");
const loadThreads = () => import(/* webpackChunkName: "threads" */ "./thread/threads-view");
const loadSidebar = () => import(/* webpackChunkName: "sidebar" */ "../rooms/sidebar");
const loadGate = () => import(/* webpackChunkName: "room-dialogs" */ "../rooms/room-gate");
const loadDetails = () => import(/* webpackChunkName: "room-dialogs" */ "../rooms/details-panel");
const loadDialogs = () => import(/* webpackChunkName: "room-dialogs" */ "../rooms/room-dialogs");
const loadJoin = () => import(/* webpackChunkName: "join" */ "./join-dialog");
const loadPerson = () => import(/* webpackChunkName: "activity" */ "../activity/person-panel");

/** What is above a room: what it is called, and where its details are. */
function RoomHead({ state }: { readonly state: RoomState }) {
  const { me, users, connection } = useApp().store.chat.value;
  const t = dictionary.value.chat;
  const { id, kind, description } = state.room;
  const isKnown = connection.everLive || users.length > 0;
  const note =
    kind === "open"
      ? isKnown && t.online(users.length)
      : // A direct room is called by its people.
        kind !== "direct" && state.members !== undefined && t.members(state.members);
  return (
    <header class="pane-head">
      <a class="tool back" href={hrefs.list} title={t.toList}>
        <span class="icon icon-back" aria-hidden="true" />
        <span class="visually-hidden">{t.toList}</span>
      </a>
      <h1>
        {kind === "private" && <span class="icon icon-lock" aria-hidden="true" />}
        <bdi>{roomLabel(state, me)}</bdi>
      </h1>
      {note && <p class="pane-note">{note}</p>}
      {description && (
        <p class="pane-note pane-about" title={description} dir="auto">
          {description}
        </p>
      )}
      <a class="tool pane-details" href={hrefs.details(id)} title={t.details}>
        <span class="icon icon-more" aria-hidden="true" />
        <span class="visually-hidden">{t.details}</span>
      </a>
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

export function ChatView() {
  const { store } = useApp();
  const { pane = "room", id = "" } = place.value;
  const { me, rooms, connection } = store.chat.value;
  const shown = currentRoom.value;
  const state = rooms.get(shown);
  const thread = threadIn(place.value);
  const t = dictionary.value.chat;
  return (
    <div class="chat" data-pane={pane}>
      <aside class="sidebar" aria-label={t.people}>
        <Lazy load={loadSidebar} props={{}} />
      </aside>
      {pane === "threads" ? (
        <Lazy load={loadThreads} props={{}} />
      ) : state ? (
        <Room state={state} />
      ) : (
        <section class="room placeholder" aria-label={t.rooms}>
          {/* Until the server has said which rooms are the user's, nobody knows. */}
          {connection.everLive ? <Lazy key={shown} load={loadGate} props={{ id: shown }} /> : me && t.loading}
        </section>
      )}
      {pane === "person" && <Lazy load={loadPerson} props={{ name: id }} />}
      {pane === "details" && state && <Lazy key={shown} load={loadDetails} props={{ state }} />}
      {pane === "thread" && state && me && thread !== undefined && (
        <Lazy key={thread} load={loadThread} props={{ room: state.room, id: thread }} />
      )}
      {roomDialog.value && <Lazy load={loadDialogs} props={{}} />}
      {!me && !linkSecret.value && <Lazy load={loadJoin} props={{}} />}
    </div>
  );
}
