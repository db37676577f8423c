import { effect } from "@preact/signals";
import type { Backend } from "../../api/backend";
import type { Message } from "../../contract/generated";
import type { AppStore } from "../../session/app-store";
import { isFlag } from "../../session/stored";
import { isWanted } from "../../state/chat/notifying";
import { briefOf } from "../../text/brief";
import { goTo, hrefs } from "../place";
import { showNotification } from "../settings/notification";
import { localStore, notifications } from "../settings/preferences";
import { pushWorks, subscribe, unsubscribe } from "./push";
import { playSound } from "./sound";

const isOn = (key: string): boolean => localStore.get(key, isFlag) ?? false;

/** Whether this browser plays a sound. */
export const soundChosen = (): boolean => isOn("sound");
/** Whether this browser is to get pushes while the page is closed. */
export const pushChosen = (): boolean => isOn("push");

/** Where a message is. */
export const hrefOf = ({ room, seq, thread, broadcast }: Message): string =>
  thread !== undefined && !broadcast ? hrefs.thread(room, thread) : hrefs.message(room, seq);

/** Show a message that has arrived, and play the sound, if the user wants to be notified of it. */
export function notifyOf(store: AppStore, message: Message, title: string): void {
  if (!isWanted(store.chat.peek(), message, new Date())) return;
  if (notifications.peek())
    showNotification(title, briefOf(message), message.room, () => goTo(hrefOf(message)));
  if (soundChosen()) void playSound();
}

/** Keep the subscription of this browser as the user has chosen, for the person who is signed in. */
export function keepSubscribed(store: AppStore, backend: Backend): () => void {
  let last: string | undefined;
  return effect(() => {
    const { token, connection } = store.chat.value;
    if (connection.phase !== "live" && token !== undefined) return;
    if (token === last || !pushWorks()) return;
    const before = last;
    last = token;
    const renew = async () => {
      // The next user of this browser must not get what is for the last one.
      if (before !== undefined && token !== before) await unsubscribe();
      if (token !== undefined && pushChosen()) await subscribe(await backend.notifications(), token);
    };
    renew().catch(() => undefined);
  });
}
