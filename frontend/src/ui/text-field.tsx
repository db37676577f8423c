import { useId } from "preact/hooks";
import { Sentence } from "./sentence";

interface TextFieldProps {
  readonly label: string;
  readonly hint?: string;
  readonly value: string;
  readonly problem: string;
  readonly onInput: (value: string) => void;
}

/** A field with its hint, and what is wrong with it. */
export function TextField({ label, hint, value, problem, onInput }: TextFieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="text"
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        value={value}
        aria-invalid={problem !== ""}
        aria-describedby={`${id}-hint ${id}-problem`}
        onInput={event => onInput(event.currentTarget.value)}
      />
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      <p class="problem" id={`${id}-problem`} role="alert">
        <Sentence text={problem} />
      </p>
    </div>
  );
}
