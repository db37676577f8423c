import "./styles/index.css";
import { effect } from "@preact/signals";
import { render } from "preact";
import { addressLabel, chooseAddress, homeOf } from "./api/address";
import type { Backend } from "./api/backend";
import { createHttpBackend } from "./api/http-backend";
import { AppStore } from "./session/app-store";
import { watchClock } from "./session/clock-watch";
import { takeCallback } from "./session/sign-on-callback";
import { isListOf, isText } from "./session/stored";
import { finishSignIn } from "./ui/access/sign-in-state";
import { App } from "./ui/app";
import { AppContext } from "./ui/app-context";
import { watchLinks } from "./ui/people/people-state";
import { watchPlace } from "./ui/place";
import { guardPresses } from "./ui/presses";
import { language, loadLanguage, localStore, tabStore, theme } from "./ui/settings/preferences";
import { watchShortcuts } from "./ui/shortcuts";

// The composition root: creates all objects and connects them.

// After the issuer's redirect, restore the URL at which the sign-in began: it may name another server.
const callback = takeCallback(tabStore, location.search);
if (callback) history.replaceState(null, "", callback.pending?.back ?? location.pathname + location.hash);

const trusted = localStore.get("trusted", isListOf(isText)) ?? [];
const { address, untrusted } = chooseAddress({
  query: new URLSearchParams(location.search),
  stored: localStore.get("address", isText),
  built: OPSROOM_API,
  home: homeOf(document.baseURI),
  trusted,
});
const isDemo = address.kind === "demo";
const scope = addressLabel(address);

async function createBackend(): Promise<Backend> {
  if (address.kind === "server") return createHttpBackend(address.base);
  const { createDemoBackend } = await import(/* webpackChunkName: "demo" */ "./mock-server/demo");
  return createDemoBackend(() => language.peek());
}

function watchBrowser(store: AppStore): void {
  addEventListener("online", store.reconnect);
  addEventListener("offline", store.onOffline);
  addEventListener("pagehide", store.suspend);
  addEventListener("pageshow", event => {
    if (event.persisted) store.resume();
  });
  // The device or the tab may have slept: connections may be dead, and nothing reports it.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) store.wake();
  });
  document.addEventListener("resume", store.wake);
  watchClock({ onSlept: store.wake, onClockSet: store.onClockSet });
}

/** Resolve once the user confirms the server that the link names; otherwise the page reloads with the usual one. */
async function confirmServer(root: Element, base: string): Promise<void> {
  const { default: TrustDialog } = await import(/* webpackChunkName: "trust" */ "./ui/access/trust-dialog");
  const stay = () => location.assign(location.pathname + location.hash);
  await new Promise<void>(trust => {
    render(<TrustDialog base={base} onTrust={trust} onStay={stay} />, root);
  });
  localStore.set("trusted", [...trusted, base]);
  render(null, root);
}

async function start(): Promise<void> {
  effect(() => {
    document.documentElement.lang = language.value;
    document.documentElement.dataset.theme = theme.value;
  });
  watchLinks();
  watchPlace();
  await loadLanguage();
  guardPresses(document);
  watchShortcuts(document);
  const root = document.getElementById("root");
  if (!root) throw new Error("the page has no #root");
  if (untrusted && address.kind === "server") await confirmServer(root, address.base);
  const backend = await createBackend();
  const store = new AppStore({
    backend,
    scope,
    version: OPSROOM_BUILD,
    localStore,
    // Each tab has its own mock server, so there is no state to share.
    locks: isDemo ? undefined : navigator.locks,
    openChannel: isDemo ? undefined : name => new BroadcastChannel(name),
    isOnline: () => isDemo || navigator.onLine,
  });
  if (!isDemo) watchBrowser(store);
  store.start();
  if (callback) void finishSignIn(store, callback, scope);
  const context = { backend, store, address, localStore, scope };
  render(
    <AppContext.Provider value={context}>
      <App />
    </AppContext.Provider>,
    root,
  );
  if (OPSROOM_WORKER) {
    const updates = import(/* webpackChunkName: "updates" */ "./ui/updates/start");
    updates.then(({ startUpdates }) => startUpdates(store)).catch(() => undefined);
  }
}

void start();
