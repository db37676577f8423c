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
  readonly onSubmit: () => void;
  readonly onClose: () => void;
}

/** A dialog with a form: Enter in a field confirms it. */
export function FormDialog(props: FormDialogProps) {
  const { title, confirm, isBusy, problem, children, onSubmit, onClose } = props;
  const form = useRef<HTMLFormElement>(null);
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        ref={form}
        class="form server-form"
        noValidate
        onSubmit={event => {
          event.preventDefault();
          if (isBusy) return;
          onSubmit();
          // What is wrong is described at its field.
          form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
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
          <button type="submit" class="button primary" aria-disabled={isBusy}>
            {confirm}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
