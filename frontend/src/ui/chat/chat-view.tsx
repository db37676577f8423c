import { ROOM } from "../../state/chat/model";
import { useApp } from "../app-context";
import { Lazy } from "../lazy";
import { linkSecret } from "../people/people-state";
import { hrefs, place } from "../place";
import { dictionary } from "../settings/preferences";
import { Composer } from "./composer";
import { JoinDialog } from "./join-dialog";
import { MessageList } from "./message-list";
import { PeopleList } from "./people-list";
import { TypingLine } from "./typing-line";

const loadPerson = () => import(/* webpackChunkName: "activity" */ "../activity/person-panel");

function RoomHead() {
  const { users, connection } = useApp().store.chat.value;
  const t = dictionary.value.chat;
  return (
    <header class="pane-head">
      <a class="tool back" href={hrefs.list} title={t.toList}>
        <span class="icon icon-back" aria-hidden="true" />
        <span class="visually-hidden">{t.toList}</span>
      </a>
      <h1># {ROOM}</h1>
      {(connection.everLive || users.length > 0) && <p class="pane-note">{t.online(users.length)}</p>}
    </header>
  );
}

function Room() {
  const { store } = useApp();
  const t = dictionary.value.chat;
  return (
    <section class="room" aria-label={t.room(ROOM)}>
      <RoomHead />
      <MessageList />
      <TypingLine />
      <Composer key={store.chat.value.me?.name} />
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
  return (
    <div class="chat" data-pane={pane}>
      <PeopleList />
      {pane === "room" && id !== ROOM ? <NoRoom /> : <Room />}
      {pane === "person" && <Lazy load={loadPerson} props={{ name: id }} />}
      {!store.chat.value.me && !linkSecret.value && <JoinDialog />}
    </div>
  );
}
