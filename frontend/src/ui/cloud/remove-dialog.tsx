import { Dialog } from "../dialog";
import { dictionary } from "../settings/preferences";

interface RemoveDialogProps {
  readonly id: string;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

export function RemoveDialog({ id, onConfirm, onClose }: RemoveDialogProps) {
  const t = dictionary.value.cloud;
  return (
    <Dialog title={t.removeTitle} onClose={onClose}>
      <p>
        <code class="break">{id}</code>
      </p>
      <p>{t.removeText}</p>
      <div class="dialog-actions">
        {/* The safe choice comes first and gets the focus. */}
        <button type="button" class="button quiet" onClick={onClose}>
          {dictionary.value.cancel}
        </button>
        <button type="button" class="button danger solid" onClick={onConfirm}>
          {t.removeConfirm}
        </button>
      </div>
    </Dialog>
  );
}
