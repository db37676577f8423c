import type { EarlierLines } from "../../../session/older-log";
import { serversDictionary } from "../servers/servers-dictionary";

interface EarlierEntriesProps {
  readonly earlier: EarlierLines;
  readonly onLoad: () => void;
}

/** Whether there are entries before those shown, and the button that loads them. */
export function EarlierEntries({ earlier: { next, loading, failed, lines }, onLoad }: EarlierEntriesProps) {
  const t = serversDictionary.value.worklog;
  if (loading) return <p class="list-start">{t.loadingEarlier}</p>;
  if (next === undefined) return lines.length > 0 ? <p class="list-start">{t.beginning}</p> : null;
  return (
    <p class="list-start">
      {failed && <span class="problem">{t.earlierFailed} </span>}
      <button type="button" class="link-button" onClick={onLoad}>
        {t.earlier}
      </button>
    </p>
  );
}
