import type { Signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Announcer, announce } from "./announcer";
import { ChatView } from "./chat/chat-view";
import { concerned } from "./chat/moderate-button";
import { useAttention } from "./chat/use-attention";
import { CloudView } from "./cloud/cloud-view";
import { Header } from "./header";
import { overallLink } from "./link-status";
import { NoServer } from "./no-server";
import { words } from "./preferences";
import { route } from "./route";
import { useLive } from "./session-context";
import { settingsOpen } from "./settings-state";
import { tokenDialogOpen } from "./sign-in-state";

type Closable = ComponentType<{ readonly onClose: () => void }>;

interface LazyDialogProps {
  /** The same function each time. */
  readonly load: () => Promise<{ readonly default: Closable }>;
  readonly open: Signal<unknown>;
}

const loadSettings = () => import(/* webpackChunkName: "settings" */ "./settings-dialog");
const loadModerateDialog = () => import(/* webpackChunkName: "moderation" */ "./chat/moderate-dialog");
const loadTokenDialog = () => import(/* webpackChunkName: "token" */ "./token-dialog");

/** A dialog that is fetched when it is first wanted. */
function LazyDialog({ load, open }: LazyDialogProps) {
  const [Loaded, setLoaded] = useState<Closable>();
  useEffect(() => {
    load().then(module => setLoaded(() => module.default));
  }, [load]);
  return Loaded ? (
    <Loaded
      onClose={() => {
        open.value = undefined;
      }}
    />
  ) : null;
}

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

export function App() {
  useAttention();
  useSpokenConnection();
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
        {route.value === "chat" ? <ChatView /> : <CloudView />}
      </main>
      {settingsOpen.value && <LazyDialog load={loadSettings} open={settingsOpen} />}
      {concerned.value && <LazyDialog load={loadModerateDialog} open={concerned} />}
      {tokenDialogOpen.value && <LazyDialog load={loadTokenDialog} open={tokenDialogOpen} />}
      <Announcer />
    </div>
  );
}
