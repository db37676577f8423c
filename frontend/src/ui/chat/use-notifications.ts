import { effect, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Message } from "../../contract/generated";
import { announce } from "../announcer";
import { useApp } from "../app-context";
import { view } from "../place";
import { showNotification } from "../settings/notification";
import { dictionary, notifications } from "../settings/preferences";

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

async function notify({ user, text, id }: Message): Promise<void> {
  if (!notifications.peek() || (await isAnyTabVisible())) return;
  showNotification(user.name, text, id);
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

/** Announce new messages of others, count those that the user can't see in the title, and show notifications. */
export function useNotifications(): void {
  const { store } = useApp();
  const unread = useSignal(0);

  useEffect(() => {
    const { chat } = store;
    let last = Number.POSITIVE_INFINITY;
    const onMessages = effect(() => {
      const { messages, loaded, me } = chat.value;
      const newest = messages.at(-1)?.seq ?? 0;
      // The first page and snapshots of other tabs contain history, not new messages.
      const fresh = loaded
        ? messages.filter(message => message.seq > last && message.user.id !== me?.id)
        : [];
      last = loaded ? newest : Number.POSITIVE_INFINITY;
      if (document.hidden || view.peek() !== "chat") unread.value = unread.peek() + fresh.length;
      for (const message of fresh.slice(-3)) {
        announce(dictionary.peek().chat.says(message.user.name, message.text));
        if (document.hidden && store.isLeader) void notify(message);
      }
    });
    const onSeen = () => {
      if (!document.hidden && view.value === "chat") unread.value = 0;
    };
    const onRoute = effect(onSeen);
    document.addEventListener("visibilitychange", onSeen);
    const releaseVisibility = holdVisibilityLock();
    return () => {
      onMessages();
      onRoute();
      releaseVisibility();
      document.removeEventListener("visibilitychange", onSeen);
    };
  }, [store, unread]);

  useEffect(
    () =>
      effect(() => {
        const { title, nav } = dictionary.value;
        const here = `${nav[view.value]} · ${title}`;
        document.title = unread.value > 0 ? `(${unread.value}) ${here}` : here;
      }),
    [unread],
  );
}
