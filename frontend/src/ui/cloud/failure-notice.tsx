import type { WorklogLine } from "../../state/cloud/model";
import { formatLogTime } from "../../text/format";
import { formatLine } from "../../text/worklog";
import { useApp } from "../app-context";
import { Sentence } from "../sentence";
import { dictionary } from "../settings/preferences";
import { Time } from "../time";

interface FailureNoticeProps {
  readonly line: WorklogLine;
  /** Sends the command again; undefined if that makes no sense. */
  readonly retry: (() => void) | undefined;
}

/** Why a command failed, where it was given, until it is dismissed or another command follows. */
export function FailureNotice({ line, retry }: FailureNoticeProps) {
  const { store } = useApp();
  const t = dictionary.value;
  const dismiss = () => store.dismissFailure(line.key);
  return (
    <div class="failure" role="group" aria-label={t.worklog.error}>
      <p>
        <Sentence text={formatLine(t, line)} /> <Time at={line.timestamp} format={formatLogTime} />
      </p>
      <p class="failure-actions">
        {retry && (
          <button
            type="button"
            class="button small"
            onClick={() => {
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
