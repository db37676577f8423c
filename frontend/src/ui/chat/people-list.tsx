import { useEffect, useRef, useState } from "preact/hooks";
import type { User } from "../../contract/generated";
import { useApp } from "../app-context";
import { useRovingFocus } from "../list/roving-focus";
import { dictionary } from "../settings/preferences";
import { Avatar } from "./avatar";
import { ModerateButton, RestrictionsButton } from "./moderation/moderate-button";

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

export function PeopleList() {
  const { store } = useApp();
  const { users, me, connection } = store.chat.value;
  const t = dictionary.value.chat;
  const list = useRef<HTMLUListElement>(null);
  useRovingFocus(list);
  return (
    <aside class="card people" aria-label={t.people}>
      {/* Without a connection, nobody knows who is here. */}
      <p class="people-count">
        {connection.everLive || users.length > 0 ? t.online(users.length) : t.people}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable areas must be reachable by keyboard */}
      <ul ref={list} tabIndex={0} aria-label={t.people}>
        {useFadingUsers(users).map(({ user, gone }) => (
          <li key={user.id} tabIndex={-1} class={gone ? "person gone" : "person"} aria-hidden={gone}>
            <Avatar user={user} />
            {user.id === me?.id ? (
              <span class="person-name own" title={user.name}>
                {t.you}
              </span>
            ) : (
              <>
                <bdi class="person-name">{user.name}</bdi>
                <ModerateButton user={user} />
              </>
            )}
          </li>
        ))}
      </ul>
      <RestrictionsButton />
      {me && (
        <button
          type="button"
          class="link-button leave"
          aria-label={t.leave}
          aria-description={t.leaveHint}
          title={t.leaveHint}
          onClick={store.leave}
        >
          <span class="leave-long">{t.leave}</span>
          <span class="leave-short">{t.leaveShort}</span>
        </button>
      )}
    </aside>
  );
}
