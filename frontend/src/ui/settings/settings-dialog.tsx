import { useId, useState } from "preact/hooks";
import { isMixed, parseAddress } from "../../api/address";
import { useApp } from "../app-context";
import { Dialog } from "../dialog";
import { mayNotify, notificationsWork } from "./notification";
import { chooseNotifications, dictionary, localStore, notifications } from "./preferences";

export default function SettingsDialog({ onClose }: { readonly onClose: () => void }) {
  const { address } = useApp();
  const t = dictionary.value.settings;
  const [typed, setTyped] = useState(localStore.get<string>("address")?.replace(/^demo$/, "") ?? "");
  const [demo, setDemo] = useState(address.kind === "demo");
  const [problem, setProblem] = useState("");
  const [canNotify] = useState(notificationsWork);
  const hintId = useId();

  const save = (event: SubmitEvent) => {
    event.preventDefault();
    const parsed = typed.trim() ? parseAddress(typed) : undefined;
    if (!demo && typed.trim() && !parsed) return setProblem(t.addressInvalid);
    if (!demo && parsed?.kind === "server" && isMixed(location.origin, parsed.base))
      return setProblem(t.mixed);
    if (demo) localStore.set("address", "demo");
    else if (parsed?.kind === "server") localStore.set("address", parsed.base);
    else localStore.remove("address");
    // The server of the link would override the settings, so reload without the query.
    location.assign(location.pathname + location.hash);
    if (!location.search) location.reload();
  };

  const toggleNotifications = async (wanted: boolean) => {
    const granted = wanted && (await mayNotify());
    if (wanted && !granted) setProblem(t.notificationsBlocked);
    chooseNotifications(granted);
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
            placeholder={location.origin}
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
        {canNotify && (
          <label class="check">
            <input
              type="checkbox"
              checked={notifications.value}
              onChange={event => toggleNotifications(event.currentTarget.checked)}
            />
            <span>{t.notifications}</span>
          </label>
        )}
        <p class="problem" role="alert">
          {problem}
        </p>
        <div class="dialog-actions">
          <button type="button" class="button quiet" onClick={onClose}>
            {dictionary.value.cancel}
          </button>
          <button type="submit" class="button primary">
            {t.save}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
