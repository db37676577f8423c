import type { NewInstance } from "../../../contract/generated";
import type { WorklogLine } from "../../../state/cloud/model";
import { formatLogTime } from "../../../text/format";
import { formatLine } from "../../../text/worklog";
import { useApp } from "../../app-context";
import { Sentence } from "../../sentence";
import { dictionary } from "../../settings/preferences";
import { Time } from "../../time";
import { isRepeat } from "./repeated-click";

interface NoticeProps {
  readonly line: WorklogLine;
  /** Sends the command again; undefined if that makes no sense. */
  readonly retry: (() => void) | undefined;
}

function Notice({ line, retry }: NoticeProps) {
  const { store } = useApp();
  const t = dictionary.value;
  const dismiss = () => store.dismissFailures(line.key);
  return (
    <div class="failure" role="group" aria-label={t.worklog.error}>
      <p>
        {line.name && <strong>{line.name} </strong>}
        <Sentence text={formatLine(t, line)} /> <Time at={line.timestamp} format={formatLogTime} />
      </p>
      <p class="failure-actions">
        {retry && (
          <button
            type="button"
            class="button small"
            onClick={event => {
              if (isRepeat(event)) return;
              dismiss();
              retry();
            }}
          >
            {t.chat.retry}
          </button>
        )}
        <button type="button" class="link-button" onClick={dismiss}>
          {t.cloud.dismiss}
        </button>
      </p>
    </div>
  );
}

/** Why this user's creations failed, until that is dismissed: there is no row where it could be. */
export function FailedCreations() {
  const { store } = useApp();
  const me = store.chat.value.me?.name;
  const failed = [...store.cloud.value.failures.values()].filter(
    ({ command, kind, actor, instanceId }) =>
      (command === "create" || command === "adopt") &&
      (kind === "refused" ? instanceId === undefined : actor === me),
  );
  const again = (creation: NewInstance | undefined) =>
    void store.commandSender.run("create", undefined, creation);
  return (
    <>
      {failed.map(line => (
        <Notice
          key={line.key}
          line={line}
          retry={line.command === "create" ? () => again(line.creation) : undefined}
        />
      ))}
    </>
  );
}
