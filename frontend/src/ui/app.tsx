import type { Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Announcer, announce } from "./announcer";
import { ChatView } from "./chat/chat-view";
import { concerned, restrictionsOpen } from "./chat/moderate-button";
import { useAttention } from "./chat/use-attention";
import { Header } from "./header";
import { Lazy } from "./lazy";
import { overallLink } from "./link-status";
import { NoServer } from "./no-server";
import { words } from "./preferences";
import { route } from "./route";
import { useLive } from "./session-context";
import { settingsOpen } from "./settings-state";
import { tokenDialogOpen } from "./sign-in-state";

interface Closing {
  readonly onClose: () => void;
}

const loadCloud = () => import(/* webpackChunkName: "cloud", webpackPrefetch: true */ "./cloud/cloud-view");
const loadSettings = () => import(/* webpackChunkName: "settings" */ "./settings-dialog");
const loadModerateDialog = () => import(/* webpackChunkName: "moderation" */ "./chat/moderate-dialog");
const loadRestrictions = () => import(/* webpackChunkName: "moderation" */ "./chat/restrictions-dialog");
const loadStatus = () => import(/* webpackChunkName: "status" */ "./status/status-view");
const loadTokenDialog = () => import(/* webpackChunkName: "token" */ "./token-dialog");

/** What the first load needs comes first. */
const STATUS_AFTER_MS = 3000;

const closing = (open: Signal<unknown>): Closing => ({
  onClose: () => {
    open.value = undefined;
  },
});

/** Say aloud when the connection goes and comes; the seconds between are for the eye. */
function useSpokenConnection() {
  const { session } = useLive();
  const { phase } = overallLink(session.chat.value, session.cloud.value);
  useEffect(() => {
    const t = words.peek().connection;
    if (phase === "live") announce(t.live);
    if (phase === "offline" || phase === "refused") announce(t[phase]);
    if (phase === "waiting") announce(t.connecting);
  }, [phase]);
}

/** Fetch the status view while there is a connection: it is looked at when there is none. */
function useStatusAtHand() {
  const { session } = useLive();
  const isLive = overallLink(session.chat.value, session.cloud.value).phase === "live";
  useEffect(() => {
    if (!isLive) return;
    const timer = setTimeout(() => loadStatus().catch(() => undefined), STATUS_AFTER_MS);
    return () => clearTimeout(timer);
  }, [isLive]);
}

export function App() {
  useAttention();
  useSpokenConnection();
  useStatusAtHand();
  const isJoining = route.value === "chat" && !useLive().session.chat.value.me;
  return (
    <div class="page">
      {/* A button, as a link would change the hash, which says what is shown. */}
      <button type="button" class="skip" onClick={() => document.getElementById("content")?.focus()}>
        {words.value.skip}
      </button>
      <Header />
      {/* While the dialog asks for a nickname, it says so itself: nothing behind it can be reached. */}
      {!isJoining && <NoServer />}
      <main id="content" class="content" tabIndex={-1}>
        {route.value === "chat" && <ChatView />}
        {route.value === "cloud" && <Lazy load={loadCloud} props={{}} />}
        {route.value === "status" && <Lazy load={loadStatus} props={{ announce }} />}
      </main>
      {settingsOpen.value && <Lazy load={loadSettings} props={closing(settingsOpen)} />}
      {concerned.value && <Lazy load={loadModerateDialog} props={closing(concerned)} />}
      {restrictionsOpen.value && <Lazy load={loadRestrictions} props={closing(restrictionsOpen)} />}
      {tokenDialogOpen.value && <Lazy load={loadTokenDialog} props={closing(tokenDialogOpen)} />}
      <Announcer />
    </div>
  );
}
