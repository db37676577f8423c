import { useComputed } from "@preact/signals";
import { formatRecentDay } from "../../../text/format";
import { NO_FILTER } from "../../../text/worklog-entries";
import { language } from "../../settings/preferences";
import { serversDictionary } from "../servers/servers-dictionary";
import { EarlierEntries } from "../worklog/earlier-entries";
import { useEntries } from "../worklog/use-entries";
import { Entry } from "../worklog/worklog-entry";

const dayOf = (at: string): string => new Date(at).toDateString();

/** What happened to one server, latest first. */
export function ServerHistory({ id }: { readonly id: string }) {
  const filter = useComputed(() => ({ ...NO_FILTER, instanceId: id }));
  const { shown, earlier, loadEarlier } = useEntries(filter);
  const { panel: t, log } = serversDictionary.value;
  const entries = shown.value;
  return (
    <section class="panel-part history" aria-labelledby="history-title">
      <h3 id="history-title">{t.history}</h3>
      {entries.map((entry, index) => {
        const before = entries[index - 1];
        const isNewDay = !before || dayOf(before.at) !== dayOf(entry.at);
        return (
          <div key={entry.key}>
            {isNewDay && (
              <h4 class="day">{formatRecentDay(language.value, entry.at, [log.today, log.yesterday])}</h4>
            )}
            <Entry entry={entry} hasServer={false} />
          </div>
        );
      })}
      {entries.length === 0 && earlier.value.next === undefined && <p class="hint">{t.noHistory}</p>}
      <EarlierEntries earlier={earlier.value} onLoad={loadEarlier} />
    </section>
  );
}
