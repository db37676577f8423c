import { Dialog } from "./dialog";
import { dictionary } from "./preferences";

interface TrustDialogProps {
  readonly base: string;
  readonly onTrust: () => void;
  readonly onStay: () => void;
}

/** Asks before a page that was opened by a link talks to the server which that link names. */
export default function TrustDialog({ base, onTrust, onStay }: TrustDialogProps) {
  const t = dictionary.value.trust;
  return (
    <Dialog title={t.title} onClose={onStay}>
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
