import { Dialog } from "../../dialog";
import { dictionary } from "../../settings/preferences";
import { messageDictionary } from "./message-dictionary";

const SHOWN_MAX = 200;

interface DeleteDialogProps {
  readonly text: string;
  readonly onDelete: () => void;
  readonly onClose: () => void;
}

/** Asks whether to delete an own message: that can't be undone. */
export function DeleteDialog({ text, onDelete, onClose }: DeleteDialogProps) {
  const t = messageDictionary.value;
  return (
    <Dialog title={t.deleteTitle} onClose={onClose}>
      <p class="deleted-text" dir="auto">
        {text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text}
      </p>
      <p class="hint">{t.deleteHint}</p>
      <p class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>
          {dictionary.value.cancel}
        </button>
        <button
          type="button"
          class="button danger solid"
          onClick={() => {
            onDelete();
            onClose();
          }}
        >
          {t.delete}
        </button>
      </p>
    </Dialog>
  );
}
