import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";

interface DialogProps {
  readonly title: string;
  readonly children: ComponentChildren;
  /** Absent where the dialog can't be put off. */
  readonly onClose?: () => void;
}

/** A modal dialog. The browser's own element keeps the focus inside and gives it back afterwards. */
export function Dialog({ title, children, onClose }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  // While it is still in the document, or the browser has nowhere to give the focus back from.
  useLayoutEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={element}
      class="dialog"
      aria-labelledby={titleId}
      onCancel={event => {
        event.preventDefault();
        onClose?.();
      }}
      onKeyDown={event => {
        // A second Escape closes a dialog even where the first was refused.
        if (event.key === "Escape" && !onClose) event.preventDefault();
      }}
    >
      <h2 id={titleId}>{title}</h2>
      {children}
    </dialog>
  );
}
