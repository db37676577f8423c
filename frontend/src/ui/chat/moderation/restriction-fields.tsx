import type { ApiError } from "../../../api/errors";
import { isBlank, wellFormed } from "../../../text/typed";
import { dictionary } from "../../settings/preferences";
import { moderationDictionary } from "./moderation-dictionary";

const HOUR = 3_600;
const DURATIONS: readonly number[] = [600, HOUR, 24 * HOUR, 7 * 24 * HOUR];
export const DEFAULT_DURATION = DURATIONS[0] ?? 0;
const REASON_MAX = 200;

/** The duration in seconds (0: until lifted) and the reason. */
export interface RestrictionInput {
  readonly seconds: number;
  readonly reason: string;
}

/** The request's fields for the input; empty ones are left out. */
export const toRestrictionDetails = ({
  seconds,
  reason,
}: RestrictionInput): { seconds?: number; reason?: string } => ({
  ...(seconds ? { seconds } : {}),
  ...(isBlank(reason) ? {} : { reason: wellFormed(reason.trim()) }),
});

interface FieldProps<T> {
  readonly value: T;
  readonly onChange: (value: T) => void;
}

export function DurationField({ value, onChange }: FieldProps<number>) {
  const t = moderationDictionary.value;
  return (
    <label class="field">
      <span>{t.howLong}</span>
      <select value={value} onChange={event => onChange(Number(event.currentTarget.value))}>
        {DURATIONS.map(duration => (
          <option key={duration} value={duration}>
            {t.duration(duration)}
          </option>
        ))}
        <option value={0}>{t.untilLifted}</option>
      </select>
    </label>
  );
}

export const ReasonField = ({ value, onChange, label }: FieldProps<string> & { readonly label: string }) => (
  <label class="field">
    <span>{label}</span>
    <input
      dir="auto"
      value={value}
      maxLength={REASON_MAX}
      onInput={event => onChange(event.currentTarget.value)}
    />
  </label>
);

/** The problem of a failed request. */
export type Problem = ApiError["problem"] | "unreachable";

function textOf(problem: Problem): string {
  if (problem === "unreachable") return dictionary.value.error(problem);
  if (problem.field === "address") return moderationDictionary.value.addressInvalid;
  if (problem.field === "reason") return moderationDictionary.value.reasonInvalid;
  return dictionary.value.error(problem.code);
}

export const ProblemLine = ({ problem }: { readonly problem: Problem | undefined }) => (
  <p class="problem" role="alert">
    {problem && textOf(problem)}
  </p>
);
