import { useEffect, useId, useRef, useState } from "preact/hooks";
import { type Address, addressLabel, DEMO, homeOf, isMixed, parseAddress } from "../../api/address";
import { createHttpBackend } from "../../api/http-backend";
import { isText } from "../../session/stored";
import { useApp } from "../app-context";
import { Dialog } from "../dialog";
import { dictionary, localStore } from "./preferences";

/** Whether a server responds at `address` that has this API. */
async function isServer(address: Address): Promise<boolean> {
  if (address.kind === "demo") return true;
  try {
    return typeof (await createHttpBackend(address.base).session()).mode === "string";
  } catch {
    return false;
  }
}

export default function SettingsDialog({ onClose }: { readonly onClose: () => void }) {
  const { address } = useApp();
  const t = dictionary.value.settings;
  const [typed, setTyped] = useState(localStore.get("address", isText)?.replace(/^demo$/, "") ?? "");
  const [demo, setDemo] = useState(address.kind === "demo");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const open = useRef(true);
  const hintId = useId();
  useEffect(
    () => () => {
      open.current = false;
    },
    [],
  );

  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy) return;
    const parsed = demo || typed.trim() === "demo" ? DEMO : typed.trim() ? parseAddress(typed) : undefined;
    if (typed.trim() && !parsed) return setProblem(t.addressInvalid);
    if (parsed?.kind === "server" && isMixed(location.origin, parsed.base)) return setProblem(t.mixed);
    const chosen = parsed && addressLabel(parsed);
    const changed = chosen !== localStore.get("address", isText);
    if (parsed && changed) {
      setBusy(true);
      setProblem("");
      const found = await isServer(parsed);
      // Cancelled meanwhile.
      if (!open.current) return;
      setBusy(false);
      if (!found) return setProblem(t.addressSilent(addressLabel(parsed)));
    }
    if (chosen) localStore.set("address", chosen);
    else localStore.remove("address");
    if (!changed && !location.search) return onClose();
    // The server of the link would override the settings, so reload without the query.
    location.assign(location.pathname + location.hash);
    if (!location.search) location.reload();
  };

  return (
    <Dialog title={t.title} onClose={onClose}>
      <form class="form" onSubmit={save} noValidate>
        <label class="field">
          <span>{t.address}</span>
          <input
            type="url"
            inputMode="url"
            spellcheck={false}
            value={typed}
            disabled={demo}
            placeholder={homeOf(document.baseURI)}
            aria-describedby={hintId}
            aria-invalid={problem !== ""}
            onInput={event => setTyped(event.currentTarget.value)}
          />
        </label>
        <p id={hintId} class="hint">
          {t.addressHint}
        </p>
        <label class="check">
          <input type="checkbox" checked={demo} onChange={event => setDemo(event.currentTarget.checked)} />
          <span>{t.demo}</span>
        </label>
        <p class="problem" role="alert">
          {problem}
        </p>
        <div class="dialog-actions">
          <button type="button" class="button quiet" onClick={onClose}>
            {dictionary.value.cancel}
          </button>
          <button type="submit" class="button primary" disabled={busy}>
            {t.save}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
