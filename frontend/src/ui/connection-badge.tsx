import { addressLabel } from "../api/address";
import { secondsUntil } from "../text/format";
import { overallLink } from "./link-status";
import { words } from "./preferences";
import { route } from "./route";
import { useLive } from "./session-context";
import { useNow } from "./use-now";

/** How the connection is, always in view; while it is being restored, with the seconds left. */
export function ConnectionBadge() {
  const { session, address } = useLive();
  const link = overallLink(session.chat.value, session.cloud.value);
  const isWaiting = link.phase === "waiting";
  const now = useNow(isWaiting);
  const t = words.value;
  const said = {
    idle: session.access.view.value ? t.connection.idle : t.connection.connecting,
    connecting: t.connection.connecting,
    live: address.kind === "demo" ? t.connection.demo : t.connection.live,
    waiting: t.connection.waiting(secondsUntil(link.retryAt ?? now, now)),
    offline: t.connection.offline,
    refused: t.connection.refused,
  }[link.phase];
  const canTry = isWaiting || link.phase === "refused" || link.phase === "offline";
  return (
    <div class="connection" data-phase={link.phase}>
      {/* The seconds tick for the eye only; a screen reader hears of changes by the announcer. */}
      <a
        class="connection-state"
        href="#/status"
        aria-current={route.value === "status" ? "page" : undefined}
        title={`${t.connection.label}: ${addressLabel(address)}. ${t.connection.more}`}
      >
        <span class="dot" aria-hidden="true" />
        <span class="connection-words">{said}</span>
      </a>
      {canTry && (
        <button type="button" class="link-button" onClick={session.reconnect}>
          {t.tryNow}
        </button>
      )}
    </div>
  );
}
