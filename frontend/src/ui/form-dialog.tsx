import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { Dialog } from "./dialog";
import { Sentence } from "./sentence";
import { dictionary } from "./settings/preferences";

interface FormDialogProps {
  readonly title: string;
  readonly confirm: string;
  readonly isBusy: boolean;
  /** Why the last attempt failed; empty if it didn't. */
  readonly problem: string;
  readonly children: ComponentChildren;
  /** Another button that submits the form: its text and what it does. */
  readonly other?: { readonly label: string; readonly onSubmit: () => void };
  readonly onSubmit: () => void;
  readonly onClose: () => void;
}

/** A dialog with a form: Enter in a field confirms it. */
export function FormDialog(props: FormDialogProps) {
  const { title, confirm, isBusy, problem, children, other, onSubmit, onClose } = props;
  const form = useRef<HTMLFormElement>(null);
  const submit = (send: () => void) => {
    if (isBusy) return;
    send();
    // What is wrong is described at its field.
    form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        ref={form}
        class="form server-form"
        noValidate
        onSubmit={event => {
          event.preventDefault();
          submit(onSubmit);
        }}
      >
        {children}
        <p class="problem" role="alert">
          <Sentence text={problem} />
        </p>
        <div class="dialog-actions">
          <button type="button" class="button quiet" onClick={onClose}>
            {dictionary.value.cancel}
          </button>
          {other && (
            <button
              type="button"
              class="button"
              aria-disabled={isBusy}
              onClick={() => submit(other.onSubmit)}
            >
              {other.label}
            </button>
          )}
          <button type="submit" class="button primary" aria-disabled={isBusy}>
            {confirm}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
