import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Message } from "../../contract/generated";
import type { AppStore } from "../../session/app-store";
import { type ChatState, ROOM } from "../../state/chat/model";
import { briefOf } from "../../text/brief";
import { announce } from "../announcer";
import { useApp } from "../app-context";
import { currentRoom, type Place, place } from "../place";
import { roomLabel } from "../rooms/room-label";
import { dictionary } from "../settings/preferences";
import { unread, watchUnread } from "./unread";

/** A shared lock that every visible tab holds, so that the notifying tab knows whether another one is visible. */
const VISIBLE_LOCK = "opsroom:visible";

/** How long to wait for the browser's list of locks, before a notification is shown without it. */
const QUERY_TIMEOUT_MS = 1_000;

async function isAnyTabVisible(): Promise<boolean> {
  // Browsers that block site data have Web Locks, but reject their use, and some never respond.
  const found = await Promise.race([
    navigator.locks?.query().catch(() => undefined),
    new Promise<undefined>(resolve => setTimeout(resolve, QUERY_TIMEOUT_MS)),
  ]);
  return (found?.held ?? []).some(lock => lock.name === VISIBLE_LOCK);
}

const loadNotifier = () => import(/* webpackChunkName: "notifier" */ "../notifications/notifier");

async function notify(store: AppStore, message: Message, room: string): Promise<void> {
  if (await isAnyTabVisible()) return;
  const { notifyOf } = await loadNotifier();
  notifyOf(store, message, room ? `${message.user.name} · ${room}` : message.user.name);
}

/** Show how many messages are unread at the icon of the installed app. */
function showBadge(count: number): void {
  const shown = count > 0 ? navigator.setAppBadge?.(count) : navigator.clearAppBadge?.();
  shown?.catch(() => undefined);
}

function holdVisibilityLock(): () => void {
  let release: (() => void) | undefined;
  const follow = () => {
    release?.();
    release = undefined;
    if (document.hidden || !navigator.locks) return;
    const held = new Promise<void>(resolve => {
      release = resolve;
    });
    navigator.locks.request(VISIBLE_LOCK, { mode: "shared" }, () => held).catch(() => {});
  };
  follow();
  document.addEventListener("visibilitychange", follow);
  return () => {
    document.removeEventListener("visibilitychange", follow);
    release?.();
  };
}

/** What a room is called; of one that is not known yet, nothing. */
function nameOf({ rooms, me }: ChatState, room: string): string {
  const state = rooms.get(room);
  return state ? roomLabel(state, me) : dictionary.value.nav.chat;
}

/** Where the page is, in the words of its title. */
function titleOf({ view, pane, id = "" }: Place, room: string): string {
  const { nav, title, chat } = dictionary.value;
  if (view === "chat" && pane === "threads") return `${chat.threads} · ${title}`;
  if (view === "chat") return `${pane === "person" ? id : room} · ${title}`;
  return [...(id ? [id] : []), nav[view], title].join(" · ");
}

/** Announce new messages of others, count those that the user can't see in the title, and show notifications. */
export function useNotifications(): void {
  const { store, backend } = useApp();
  useEffect(() => {
    const labelOf = (room: string) => nameOf(store.chat.peek(), room);
    const stopCounting = watchUnread({
      ...{ chat: store.chat, onRead: store.read },
      onFresh: messages => {
        for (const message of messages.slice(-3)) {
          const { room, user } = message;
          if (room === currentRoom.peek()) announce(dictionary.peek().chat.says(user.name, briefOf(message)));
          if (document.hidden && store.isLeader)
            void notify(store, message, room === ROOM ? "" : labelOf(room));
        }
      },
    });
    const releaseVisibility = holdVisibilityLock();
    return () => {
      stopCounting();
      releaseVisibility();
    };
  }, [store]);

  useEffect(
    () =>
      effect(() => {
        const here = titleOf(place.value, nameOf(store.chat.value, currentRoom.value));
        document.title = unread.value > 0 ? `(${unread.value}) ${here}` : here;
      }),
    [store],
  );

  useEffect(() => effect(() => showBadge(unread.value)), []);

  useEffect(() => {
    let stop: (() => void) | undefined;
    let isGone = false;
    loadNotifier().then(
      ({ keepSubscribed }) => {
        if (!isGone) stop = keepSubscribed(store, backend);
      },
      // Without it, an earlier subscription stays as it is.
      () => undefined,
    );
    return () => {
      isGone = true;
      stop?.();
    };
  }, [store, backend]);
}
