import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { NewSchedule } from "../../../contract/generated";
import { labelOf } from "../../../i18n/label";
import { dictionary } from "../../settings/preferences";
import { REPEATS, type Repeat, type ScheduleField, type ScheduleForm } from "./new-schedule";
import { schedulesDictionary } from "./schedules-dictionary";

const COMMANDS: readonly NewSchedule["command"][] = ["start", "stop", "restart", "remove"];

interface FieldProps {
  readonly field: ScheduleField;
  readonly form: ScheduleForm;
  readonly wrong: ScheduleField | undefined;
  readonly type?: "text" | "time" | "datetime-local";
  readonly hint?: string;
  readonly onChange: (change: Partial<ScheduleForm>) => void;
}

function Field({ field, form, wrong, type = "text", hint, onChange }: FieldProps) {
  const hintId = useId();
  const t = schedulesDictionary.value;
  const isWrong = wrong === field;
  const said = isWrong ? t.wrong[field] : hint;
  return (
    <div class="field">
      <label>
        <span>{t.fields[field]}</span>
        <input
          type={type as "text"}
          dir={type === "text" ? "ltr" : undefined}
          autocomplete="off"
          spellcheck={false}
          value={form[field]}
          aria-invalid={isWrong}
          aria-describedby={said ? hintId : undefined}
          onInput={event => onChange({ [field]: event.currentTarget.value })}
        />
      </label>
      {said && (
        <p id={hintId} class={isWrong ? "problem" : "hint"}>
          {said}
        </p>
      )}
    </div>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly children: ComponentChildren;
}

const Choice = ({ label, value, onChange, children }: ChoiceProps) => (
  <label class="field">
    <span>{label}</span>
    <select value={value} onChange={event => onChange(event.currentTarget.value)}>
      {children}
    </select>
  </label>
);

type ScheduleFieldsProps = Pick<FieldProps, "form" | "wrong" | "onChange">;

/** What a new schedule does, to which servers, and when. */
export function ScheduleFields(props: ScheduleFieldsProps) {
  const { form, onChange } = props;
  const t = schedulesDictionary.value;
  const { repeat } = form;
  return (
    <>
      <Field {...props} field="name" />
      <Choice
        label={t.fields.command}
        value={form.command}
        onChange={value => onChange({ command: value as NewSchedule["command"] })}
      >
        {COMMANDS.map(one => (
          <option key={one} value={one}>
            {labelOf(dictionary.value.cloud.commands, one)}
          </option>
        ))}
      </Choice>
      <Field {...props} field="servers" hint={t.serversHint} />
      <Choice
        label={t.fields.repeat}
        value={repeat}
        onChange={value => onChange({ repeat: value as Repeat })}
      >
        {REPEATS.map(one => (
          <option key={one} value={one}>
            {t.repeats[one]}
          </option>
        ))}
      </Choice>
      {repeat === "once" && <Field {...props} field="moment" type="datetime-local" />}
      {repeat === "cron" && <Field {...props} field="cron" hint={t.cronHint} />}
      {repeat !== "once" && repeat !== "cron" && <Field {...props} field="clock" type="time" />}
      {repeat !== "once" && <Field {...props} field="zone" />}
    </>
  );
}
