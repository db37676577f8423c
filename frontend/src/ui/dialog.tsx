import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Sentence } from "./sentence";
import { LanguageButton } from "./settings/language-button";

interface DialogProps {
  readonly title: string;
  readonly children: ComponentChildren;
  /** Absent if the dialog can't be closed. */
  readonly onClose?: () => void;
  /** Whether it comes before the page: the header is inert, so the dialog offers the other language. */
  readonly isEntry?: boolean;
}

/** A modal dialog. The browser's element traps the focus and restores it afterwards. */
export function Dialog({ title, children, onClose, isEntry }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  // Close the dialog while it is still in the document: otherwise the browser doesn't restore the focus.
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
        // Without this, a second Escape closes the dialog although `cancel` was prevented.
        if (event.key === "Escape" && !onClose) event.preventDefault();
      }}
    >
      <h2 id={titleId}>
        <Sentence text={title} />
      </h2>
      {children}
      {isEntry && <LanguageButton />}
    </dialog>
  );
}
