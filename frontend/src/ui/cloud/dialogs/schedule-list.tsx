import type { Schedule } from "../../../contract/generated";
import { unmarked } from "../../../i18n/isolate";
import { labelOf } from "../../../i18n/label";
import { formatMessageTime } from "../../../text/format";
import { Sentence } from "../../sentence";
import { dictionary } from "../../settings/preferences";
import { schedulesDictionary } from "./schedules-dictionary";

const targetsOf = ({ selector, ids = [] }: Schedule): string =>
  selector === undefined ? ids.join(" ") : `label:${selector}`;

function lastOf({ last }: Schedule): string {
  const t = schedulesDictionary.value;
  if (!last) return "";
  if (last.outcome === "missed") return t.missed(formatMessageTime(last.dueAt));
  const done = t.last(formatMessageTime(last.at), last.accepted);
  return last.refused > 0 ? `${done}; ${t.refused(last.refused)}` : done;
}

interface RowProps {
  readonly schedule: Schedule;
  readonly isBusy: boolean;
  /** Absent for readers who can't command servers. */
  readonly onRemove: (() => void) | undefined;
}

function Row({ schedule, isBusy, onRemove }: RowProps) {
  const t = schedulesDictionary.value;
  const { name, command, at, cron, zone = "UTC", nextAt, actor } = schedule;
  const when = at === undefined ? t.cron(cron ?? "", zone) : t.once(formatMessageTime(at));
  const last = lastOf(schedule);
  return (
    <li class="schedule">
      <div class="schedule-text">
        <strong>{name}</strong> {labelOf(dictionary.value.cloud.commands, command)}{" "}
        <span class="break">{targetsOf(schedule)}</span>
        <span class="hint">
          <Sentence text={when} /> · {nextAt === undefined ? t.over : t.next(formatMessageTime(nextAt))}
          {last && ` · ${last}`} · <Sentence text={t.by(actor)} />
        </span>
      </div>
      {onRemove && (
        <button
          type="button"
          class="button small danger"
          aria-disabled={isBusy}
          aria-label={unmarked(t.removeOf(name))}
          onClick={() => {
            if (!isBusy) onRemove();
          }}
        >
          {t.remove}
        </button>
      )}
    </li>
  );
}

interface ScheduleListProps {
  readonly schedules: readonly Schedule[];
  readonly isBusy: boolean;
  readonly onRemove: ((name: string) => void) | undefined;
}

/** All schedules, by name. */
export function ScheduleList({ schedules, isBusy, onRemove }: ScheduleListProps) {
  if (schedules.length === 0) return <p class="hint">{schedulesDictionary.value.empty}</p>;
  return (
    <ul class="schedules">
      {schedules.map(one => (
        <Row
          key={one.name}
          schedule={one}
          isBusy={isBusy}
          onRemove={onRemove && (() => onRemove(one.name))}
        />
      ))}
    </ul>
  );
}
