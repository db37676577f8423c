import { useId } from "preact/hooks";
import { CopyButton } from "./copy-button";

interface CopyBoxProps {
  /** What the text is, such as a link. */
  readonly label: string;
  readonly text: string;
  readonly copyLabel: string;
  /** Whether its dialog begins with it. */
  readonly autoFocus?: boolean;
}

/** A line of text to read, select and copy. */
export function CopyBox({ label, text, copyLabel, autoFocus = false }: CopyBoxProps) {
  const id = useId();
  return (
    <div class="copy-box">
      <label class="visually-hidden" for={id}>
        {label}
      </label>
      <input
        id={id}
        readOnly
        // biome-ignore lint/a11y/noAutofocus: set in dialogs only
        autoFocus={autoFocus}
        value={text}
        dir="ltr"
        onFocus={event => event.currentTarget.select()}
      />
      <CopyButton class="button primary" text={() => text} label={copyLabel}>
        {copyLabel}
      </CopyButton>
    </div>
  );
}
