import { Dialog } from "../dialog";
import { dictionary } from "../settings/preferences";

interface TrustDialogProps {
  readonly base: string;
  readonly onTrust: () => void;
  readonly onStay: () => void;
}

/** The dialog that asks before the page connects to a server that only the link names. */
export default function TrustDialog({ base, onTrust, onStay }: TrustDialogProps) {
  const t = dictionary.value.trust;
  return (
    <Dialog title={t.title} onClose={onStay} isEntry>
      <p>
        <code class="break">{base}</code>
      </p>
      <p>{t.text}</p>
      <div class="dialog-actions">
        <button type="button" class="button quiet" onClick={onStay}>
          {t.stay}
        </button>
        <button type="button" class="button primary" onClick={onTrust}>
          {t.go}
        </button>
      </div>
    </Dialog>
  );
}
