import { effect } from "@preact/signals";
import type { AppStore } from "../../session/app-store";
import { isText } from "../../session/stored";
import { overallConnection } from "../connection/connection-status";
import { tabStore } from "../settings/preferences";
import { updateReady } from "./update-state";
import { PageUpdates } from "./watch-updates";

const loaded = (): Promise<unknown> =>
  document.readyState === "complete"
    ? Promise.resolve()
    : new Promise(resolve => addEventListener("load", resolve, { once: true }));

/**
 * Load the new version at once if nobody has used the page since its load, as on a screen on the wall: nothing is lost.
 * Only once for each version: while gateways of two versions run, the next check may find the other one.
 */
function onReady(served: string): void {
  const isUntouched = navigator.userActivation?.hasBeenActive === false;
  if (!isUntouched || tabStore.get("loadedVersion", isText) === served) {
    updateReady.value = true;
    return;
  }
  tabStore.set("loadedVersion", served);
  location.reload();
}

/** Keep the page for use without a network, after the first load, and watch for updates. */
export async function startUpdates(store: AppStore): Promise<void> {
  // Over plain HTTP there is none.
  const container: ServiceWorkerContainer | undefined = navigator.serviceWorker;
  if (!container) return;
  await loaded();
  const updates = await PageUpdates.watch({
    container,
    worker: OPSROOM_WORKER,
    version: OPSROOM_BUILD,
    onReady,
    onGone: () => location.reload(),
  });
  if (!updates) return;
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) updates.checkSoon();
  });
  // A gateway that was replaced closes its connections, and its page is usually newer.
  effect(() => {
    const { phase } = overallConnection(store.chat.value, store.cloud.value);
    if (phase === "live" || phase === "waiting") updates.checkSoon();
  });
}
