import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { formatLine, isError } from "../../text/worklog";
import { announce } from "../announcer";
import { useApp } from "../app-context";
import { dictionary } from "../settings/preferences";

/** Larger batches are not announced. */
const ANNOUNCED_MAX = 3;

/** Announce events of instances while the view is open. */
export function useLiveAnnouncements(): void {
  const { store } = useApp();
  useEffect(() => {
    let lastKey = store.cloud.peek().worklog.at(-1)?.key;
    let wasLive = false;
    return effect(() => {
      const { worklog, connection } = store.cloud.value;
      const from = worklog.findLastIndex(line => line.key === lastKey);
      const newLines = worklog.slice(from + 1);
      lastKey = worklog.at(-1)?.key;
      const isNews = wasLive && newLines.length <= ANNOUNCED_MAX;
      wasLive = connection.phase === "live";
      if (!isNews) return;
      const t = dictionary.peek();
      for (const line of newLines) {
        const text = isError(line) ? `${t.worklog.error}: ${formatLine(t, line)}` : formatLine(t, line);
        const name = line.name ?? line.instanceId;
        announce(name ? t.cloud.announce(name, text) : text);
      }
    });
  }, [store]);
}
