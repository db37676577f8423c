import type { WorklogLine } from "../../state/cloud/model";
import { formatLogTime } from "../../text/format";
import { formatLine, isError } from "../../text/worklog";
import { dictionary } from "../settings/preferences";
import { Time } from "../time";

interface LineProps {
  readonly line: WorklogLine;
  readonly onPick: (instanceId: string) => void;
}

export function Line({ line, onPick }: LineProps) {
  const t = dictionary.value;
  const { instanceId, actor, timestamp, kind } = line;
  return (
    <article class={isError(line) ? "line error" : "line"} data-kind={kind}>
      <p class="line-head">
        <Time at={timestamp} format={formatLogTime} />
        {actor && actor !== "anonymous" && <bdi class="line-actor">{t.worklog.by(actor)}</bdi>}
      </p>
      {instanceId && (
        <p>
          {t.worklog.server}:{" "}
          <button
            type="button"
            class="line-server"
            title={t.worklog.onlyThis(instanceId)}
            onClick={() => onPick(instanceId)}
          >
            {instanceId}
          </button>
        </p>
      )}
      <p class="line-text">
        {isError(line) ? t.worklog.error : t.worklog.info}: {formatLine(t, line)}
      </p>
    </article>
  );
}
