import { countSince, MISSED_EVENT_KINDS } from "../../text/missed-events";
import { useApp } from "../app-context";
import { serversDictionary } from "./servers/servers-dictionary";
import { useLastSeen } from "./use-last-seen";

const MINUTE = 60_000;

function formatAgo(ms: number): string {
  const t = serversDictionary.value.missedEvents;
  const minutes = Math.max(1, Math.round(ms / MINUTE));
  if (minutes < 60) return t.minutes(minutes);
  const hours = Math.round(minutes / 60);
  return hours < 48 ? t.hours(hours) : t.days(Math.round(hours / 24));
}

/** "While you were away": counts of the events since the last visit. */
export function MissedEventsSummary() {
  const away = useLastSeen();
  const { cloud } = useApp().store;
  if (!away.value) return null;
  const { worklog, epoch } = cloud.value;
  const isOther = away.value.epoch !== undefined && away.value.epoch !== epoch;
  const counts = countSince(worklog, isOther ? 0 : away.value.seq);
  if (counts.size === 0) return null;
  const t = serversDictionary.value.missedEvents;
  const texts = MISSED_EVENT_KINDS.flatMap(kind => {
    const n = counts.get(kind);
    return n === undefined ? [] : t.counts[kind](n);
  });
  return (
    <div class="notice calm" role="status">
      <strong>{t.title(formatAgo(Date.now() - away.value.at))}</strong>
      <p>{texts.join(" · ")}</p>
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
