import { effect, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { tokenDialogOpen } from "./access/sign-in-state";
import { Announcer, announce } from "./announcer";
import { useApp } from "./app-context";
import { ChatView } from "./chat/chat-view";
import { moderationTarget, restrictionsOpen } from "./chat/moderation/moderate-button";
import { useNotifications } from "./chat/use-notifications";
import { overallConnection } from "./connection/connection-status";
import { NoServer } from "./connection/no-server";
import { Header } from "./header";
import { Lazy } from "./lazy";
import { deviceDialog, linkSecret } from "./people/people-state";
import { view } from "./place";
import { dictionary } from "./settings/preferences";
import { notificationsOpen, settingsOpen } from "./settings/settings-state";
import { dialogOpen } from "./shortcuts";
import { StorageNotice } from "./storage-notice";
import { updateReady } from "./updates/update-state";

interface Closing {
  readonly onClose: () => void;
}

const loadCloud = () => import(/* webpackChunkName: "cloud", webpackPrefetch: true */ "./cloud/cloud-view");
const loadSettings = () => import(/* webpackChunkName: "settings" */ "./settings/settings-dialog");
const loadNotifications = () =>
  import(/* webpackChunkName: "notifications" */ "./notifications/notifications-dialog");
const loadModerateDialog = () =>
  import(/* webpackChunkName: "moderation" */ "./chat/moderation/moderate-dialog");
const loadRestrictions = () =>
  import(/* webpackChunkName: "moderation" */ "./chat/moderation/restrictions-dialog");
const loadPeople = () => import(/* webpackChunkName: "people" */ "./people/people-view");
const loadHooks = () => import(/* webpackChunkName: "hooks" */ "./hooks/hooks-view");
const loadIncidents = () => import(/* webpackChunkName: "incidents" */ "./incidents/incidents-view");
const loadPast = () => import(/* webpackChunkName: "incidents" */ "./incidents/past-view");
const loadDevices = () => import(/* webpackChunkName: "devices" */ "./people/device-dialogs");
const loadStatus = () => import(/* webpackChunkName: "status" */ "./status/status-view");
const loadActivity = () => import(/* webpackChunkName: "activity" */ "./activity/activity-view");
const loadSearch = () => import(/* webpackChunkName: "search" */ "./search/search-dialog");
const loadShortcuts = () => import(/* webpackChunkName: "search" */ "./search/shortcuts-dialog");
const loadUpdateNotice = () => import(/* webpackChunkName: "updates" */ "./updates/update-notice");
const loadTokenDialog = () => import(/* webpackChunkName: "token" */ "./access/token-dialog");

/** Prefetch late, so as not to delay the first load. */
const STATUS_PREFETCH_DELAY_MS = 3000;

const closeHandler = (open: Signal<unknown>): Closing => ({
  onClose: () => {
    open.value = undefined;
  },
});

/** Announce when the connection is lost and restored, without the countdown. */
function useConnectionAnnouncements() {
  const { store } = useApp();
  const { phase } = overallConnection(store.chat.value, store.cloud.value);
  useEffect(() => {
    const t = dictionary.peek().connection;
    if (phase === "live") announce(t.live);
    if (phase === "offline" || phase === "refused") announce(t[phase]);
    if (phase === "waiting") announce(t.connecting);
  }, [phase]);
}

/** Prefetch the status view: it is needed when the connection is lost. */
function usePrefetchStatus() {
  const { store } = useApp();
  const isLive = overallConnection(store.chat.value, store.cloud.value).phase === "live";
  useEffect(() => {
    if (!isLive) return;
    const timer = setTimeout(() => loadStatus().catch(() => undefined), STATUS_PREFETCH_DELAY_MS);
    return () => clearTimeout(timer);
  }, [isLive]);
}

/** After the user has gone to another view, the focus is there. The chat gives it to the composer. */
function useFocusOnNavigation() {
  useEffect(() => {
    let last = view.peek();
    return effect(() => {
      const here = view.value;
      if (here !== last && here !== "chat")
        document.getElementById("content")?.focus({ preventScroll: true });
      last = here;
    });
  }, []);
}

export function App() {
  useNotifications();
  useFocusOnNavigation();
  useConnectionAnnouncements();
  usePrefetchStatus();
  const isJoining = view.value === "chat" && !useApp().store.chat.value.me && !linkSecret.value;
  return (
    <div class="page">
      {/* A button, because a link would change the hash, which is the route. */}
      <button type="button" class="skip" onClick={() => document.getElementById("content")?.focus()}>
        {dictionary.value.skip}
      </button>
      <Header />
      {/* The join dialog has its own notice, because the page behind a modal dialog is inert. */}
      {!isJoining && <NoServer />}
      {!isJoining && <StorageNotice />}
      {updateReady.value && <Lazy load={loadUpdateNotice} props={{}} />}
      <main id="content" class="content" tabIndex={-1}>
        {view.value === "chat" && <ChatView />}
        {view.value === "cloud" && <Lazy load={loadCloud} props={{}} />}
        {view.value === "activity" && <Lazy load={loadActivity} props={{}} />}
        {view.value === "people" && <Lazy load={loadPeople} props={{}} />}
        {view.value === "hooks" && <Lazy load={loadHooks} props={{}} />}
        {view.value === "incidents" && <Lazy load={loadIncidents} props={{}} />}
        {view.value === "past" && <Lazy load={loadPast} props={{}} />}
        {view.value === "status" && <Lazy load={loadStatus} props={{ announce }} />}
      </main>
      {settingsOpen.value && <Lazy load={loadSettings} props={closeHandler(settingsOpen)} />}
      {notificationsOpen.value && <Lazy load={loadNotifications} props={closeHandler(notificationsOpen)} />}
      {dialogOpen.value === "search" && <Lazy load={loadSearch} props={closeHandler(dialogOpen)} />}
      {dialogOpen.value === "shortcuts" && <Lazy load={loadShortcuts} props={closeHandler(dialogOpen)} />}
      {moderationTarget.value && <Lazy load={loadModerateDialog} props={closeHandler(moderationTarget)} />}
      {restrictionsOpen.value && <Lazy load={loadRestrictions} props={closeHandler(restrictionsOpen)} />}
      {tokenDialogOpen.value && <Lazy load={loadTokenDialog} props={closeHandler(tokenDialogOpen)} />}
      {(linkSecret.value ?? deviceDialog.value) && <Lazy load={loadDevices} props={{}} />}
      <Announcer />
    </div>
  );
}
