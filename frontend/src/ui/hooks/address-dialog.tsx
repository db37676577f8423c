import { useState } from "preact/hooks";
import type { HookWithSecret } from "../../contract/generated";
import { useApp } from "../app-context";
import { CopyBox } from "../copy-box";
import { Dialog } from "../dialog";
import { hooksDictionary } from "./hooks-dictionary";

/** Slack's format has no part in the address. */
const SLACK = "slack";

interface AddressDialogProps {
  readonly made: HookWithSecret;
  readonly onClose: () => void;
}

/** The address of a hook with its secret, which is shown once, for the sender that one chooses. */
export function AddressDialog({ made, onClose }: AddressDialogProps) {
  const { address } = useApp();
  const [sender, setSender] = useState(SLACK);
  const t = hooksDictionary.value;
  const base = address.kind === "server" ? address.base : location.origin;
  const url = `${base}${made.path}${sender === SLACK ? "" : `/${sender}`}`;
  return (
    <Dialog title={t.readyTitle(made.hook.name)} onClose={onClose}>
      <div class="form">
        <p>{t.readyText}</p>
        <label class="field">
          <span>{t.sender}</span>
          <select value={sender} onChange={event => setSender(event.currentTarget.value)}>
            {Object.entries(t.senders).map(([name, label]) => (
              <option key={name} value={name}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <CopyBox label={t.address} text={url} copyLabel={t.copy} autoFocus />
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            {t.done}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
