import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isError, sayLine } from "../../text/worklog";
import { announce } from "../announcer";
import { words } from "../preferences";
import { useLive } from "../session-context";

/** More at once than this is a flood that nobody wants read to them. */
const SPOKEN_MAX = 3;

/** Say aloud what happens to instances while one looks. */
export function useSpokenChanges(): void {
  const { session } = useLive();
  useEffect(() => {
    let told = session.cloud.peek().worklog.at(-1)?.key;
    let wasLive = false;
    return effect(() => {
      const { worklog, link } = session.cloud.value;
      const from = worklog.findLastIndex(line => line.key === told);
      const fresh = worklog.slice(from + 1);
      told = worklog.at(-1)?.key;
      const isNews = wasLive && fresh.length <= SPOKEN_MAX;
      wasLive = link.phase === "live";
      if (!isNews) return;
      const t = words.peek();
      for (const line of fresh) {
        const said = isError(line) ? `${t.worklog.error}: ${sayLine(t, line)}` : sayLine(t, line);
        announce(line.instanceId ? t.cloud.announce(line.instanceId, said) : said);
      }
    });
  }, [session]);
}
