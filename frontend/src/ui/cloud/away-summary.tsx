import { AWAY_KINDS, countSince } from "../../text/away";
import { words } from "../preferences";
import { useLive } from "../session-context";
import { useLastSeen } from "./use-last-seen";

const MINUTE = 60_000;

function sayAgo(ms: number): string {
  const t = words.value.away;
  const minutes = Math.max(1, Math.round(ms / MINUTE));
  if (minutes < 60) return t.minutes(minutes);
  const hours = Math.round(minutes / 60);
  return hours < 48 ? t.hours(hours) : t.days(Math.round(hours / 24));
}

/** "While you were away": what became of the instances since one last looked. */
export function AwaySummary() {
  const away = useLastSeen();
  const { cloud } = useLive().session;
  if (!away.value) return null;
  const counts = countSince(cloud.value.worklog, away.value.seq);
  if (counts.size === 0) return null;
  const t = words.value.away;
  const said = AWAY_KINDS.flatMap(kind => {
    const n = counts.get(kind);
    return n === undefined ? [] : t.counts[kind](n);
  });
  return (
    <div class="notice calm" role="status">
      <strong>{t.title(sayAgo(Date.now() - away.value.at))}</strong>
      <p>{said.join(" · ")}</p>
      <button
        type="button"
        class="button small"
        onClick={() => {
          away.value = undefined;
        }}
      >
        {t.dismiss}
      </button>
    </div>
  );
}
