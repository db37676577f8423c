import { useMemo } from "preact/hooks";
import { addressLabel } from "../../api/address";
import { secondsUntil } from "../../text/format";
import { useApp } from "../app-context";
import { view } from "../place";
import { dictionary } from "../settings/preferences";
import { useNow } from "../use-now";
import { overallConnection } from "./connection-status";

/** The state of the connection, with a countdown to the next attempt. */
export function ConnectionBadge() {
  const { store, address } = useApp();
  const connection = overallConnection(store.chat.value, store.cloud.value);
  const isWaiting = connection.phase === "waiting";
  const now = useNow(isWaiting);
  const { retryAt = now, retryInMs = 0 } = connection;
  // biome-ignore lint/correctness/useExhaustiveDependencies: when this state was first shown
  const shownAt = useMemo(() => performance.now(), [connection]);
  // A tab that shows the state late knows the rest by the wall clock, which may have been set back.
  const waitMs = Math.min(retryAt - now, shownAt + retryInMs - performance.now());
  const t = dictionary.value;
  const label = {
    idle: store.access.view.value ? t.connection.idle : t.connection.connecting,
    connecting: t.connection.connecting,
    live: address.kind === "demo" ? t.connection.demo : t.connection.live,
    waiting: t.connection.waiting(secondsUntil(waitMs, 0)),
    offline: t.connection.offline,
    refused: t.connection.refused,
  }[connection.phase];
  const canTry = isWaiting || connection.phase === "refused" || connection.phase === "offline";
  return (
    <div class="connection" data-phase={connection.phase}>
      {/* The countdown is not announced; the announcer reports changes of the state. */}
      <a
        class="connection-state"
        href="#/status"
        aria-current={view.value === "status" ? "page" : undefined}
        title={`${t.connection.label}: ${addressLabel(address)}. ${t.connection.more}`}
      >
        <span class="dot" aria-hidden="true" />
        <span class="connection-words">{label}</span>
      </a>
      {canTry && (
        <button type="button" class="link-button" onClick={store.reconnect}>
          {t.tryNow}
        </button>
      )}
    </div>
  );
}
