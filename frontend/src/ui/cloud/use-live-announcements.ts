import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { formatLine, isError } from "../../text/worklog";
import { announce } from "../announcer";
import { useApp } from "../app-context";
import { dictionary } from "../preferences";

/** More at once than this is a flood that nobody wants read to them. */
const ANNOUNCED_MAX = 3;

/** Say aloud what happens to instances while one looks. */
export function useLiveAnnouncements(): void {
  const { store } = useApp();
  useEffect(() => {
    let told = store.cloud.peek().worklog.at(-1)?.key;
    let wasLive = false;
    return effect(() => {
      const { worklog, connection } = store.cloud.value;
      const from = worklog.findLastIndex(line => line.key === told);
      const fresh = worklog.slice(from + 1);
      told = worklog.at(-1)?.key;
      const isNews = wasLive && fresh.length <= ANNOUNCED_MAX;
      wasLive = connection.phase === "live";
      if (!isNews) return;
      const t = dictionary.peek();
      for (const line of fresh) {
        const said = isError(line) ? `${t.worklog.error}: ${formatLine(t, line)}` : formatLine(t, line);
        announce(line.instanceId ? t.cloud.announce(line.instanceId, said) : said);
      }
    });
  }, [store]);
}
