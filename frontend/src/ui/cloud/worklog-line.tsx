import type { WorklogLine } from "../../state/cloud/model";
import { formatLogTime } from "../../text/format";
import { actorOf, formatLine, isError } from "../../text/worklog";
import { Sentence } from "../sentence";
import { dictionary } from "../settings/preferences";
import { Time } from "../time";

interface LineProps {
  readonly line: WorklogLine;
  readonly onPick: (instanceId: string) => void;
}

export function Line({ line, onPick }: LineProps) {
  const t = dictionary.value;
  const { instanceId, timestamp, kind } = line;
  const by = actorOf(t, line);
  return (
    <article class={isError(line) ? "line error" : "line"} data-kind={kind}>
      <p class="line-head">
        <Time at={timestamp} format={formatLogTime} />
        {by && (
          <span class="line-actor">
            <Sentence text={by} />
          </span>
        )}
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
        {isError(line) ? t.worklog.error : t.worklog.info}: <Sentence text={formatLine(t, line)} />
      </p>
    </article>
  );
}
