import { useEffect, useRef, useState } from "preact/hooks";
import type { User } from "../../contract/generated";
import { isCreatedRoom } from "../../state/chat/rooms";
import { useApp } from "../app-context";
import { BotBadge } from "../chat/bot-badge";
import { ModerateButton, RestrictionsButton } from "../chat/moderation/moderate-button";
import { useRovingFocus } from "../list/roving-focus";
import { currentRoom, hrefs, place } from "../place";
import { dictionary } from "../settings/preferences";
import { PinnedServers } from "./pinned-servers";
import { RoomList } from "./room-list";
import { roomsDictionary } from "./rooms-dictionary";

const FADE_MS = 220;

/** The present users, and for the time of the animation those who just left. */
function useFadingUsers(users: readonly User[]): readonly { readonly user: User; readonly gone: boolean }[] {
  const [shown, setShown] = useState(users);
  useEffect(() => {
    const timer = setTimeout(() => setShown(users), FADE_MS);
    setShown(before => [...before.filter(one => !users.some(user => user.id === one.id)), ...users]);
    return () => clearTimeout(timer);
  }, [users]);
  const gone = shown.filter(one => !users.some(user => user.id === one.id));
  return [...users.map(user => ({ user, gone: false })), ...gone.map(user => ({ user, gone: true }))];
}

function Person({ user, gone }: { readonly user: User; readonly gone: boolean }) {
  const { me, typing } = useApp().store.chat.value;
  const t = dictionary.value.chat;
  const isOwn = user.id === me?.id;
  const isShown = place.value.pane === "person" && place.value.id === user.name;
  return (
    <li tabIndex={-1} class={gone ? "person gone" : "person"} aria-hidden={gone}>
      <a class="sidebar-link" href={hrefs.person(user.name)} aria-current={isShown ? "true" : undefined}>
        <span class="dot" data-state={gone ? "stopped" : "running"} aria-hidden="true" />
        <bdi class={isOwn ? "own-name" : "person-name"}>{user.name}</bdi>
        <BotBadge id={user.id} />
        {isOwn && (
          <span class="person-name own" title={user.name}>
            {t.you}
          </span>
        )}
        {typing.some(one => one.user.id === user.id) && <span class="hint">{t.typingShort}</span>}
      </a>
      {!isOwn && <ModerateButton user={user} />}
    </li>
  );
}

/** The left column: rooms, and who is in this one. */
export default function Sidebar() {
  const { address, store } = useApp();
  const { users, userCount, nextUsers, connection } = store.chat.value;
  const t = dictionary.value.chat;
  // Of the other rooms, the panel shows the members.
  const isEverybody = !isCreatedRoom(currentRoom.value);
  const list = useRef<HTMLUListElement>(null);
  useRovingFocus(list);
  // Without a connection, nobody knows who is here.
  const isKnown = connection.everLive || users.length > 0;
  return (
    <>
      {/* The room has its own heading, which a phone doesn't show with this list. */}
      {place.value.pane === "list" && <h1 class="visually-hidden">{t.toList}</h1>}
      <RoomList />
      {address.kind !== "demo" && store.access.may("chat") && (
        <a class="sidebar-link" href={hrefs.incidents()}>
          <span class="icon icon-alert" aria-hidden="true" />
          {roomsDictionary.value.incidents}
        </a>
      )}
      <h2 class="people-count">
        {isKnown
          ? (isEverybody ? t.inRoom : roomsDictionary.value.peopleHere)(userCount ?? users.length)
          : t.people}
      </h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable areas must be reachable by keyboard */}
      <ul ref={list} class="people" tabIndex={0} aria-label={t.people}>
        {useFadingUsers(users).map(({ user, gone }) => (
          <Person key={user.id} user={user} gone={gone} />
        ))}
      </ul>
      {nextUsers !== undefined && (
        <button type="button" class="button" onClick={store.moreUsers}>
          {t.morePeople}
        </button>
      )}
      <PinnedServers />
      <RestrictionsButton />
    </>
  );
}
