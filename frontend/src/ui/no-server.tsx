import { addressLabel, isMixed } from "../api/address";
import { seemsAbsent } from "./link-status";
import { words } from "./preferences";
import { useLive } from "./session-context";
import { settingsOpen } from "./settings-state";

/** Says that nobody answers at this address, and what can be done about it. */
export function NoServer() {
  const { session, address } = useLive();
  if (!seemsAbsent(session.cloud.value)) return null;
  const t = words.value.noServer;
  return (
    <div class="notice" role="alert">
      <strong>{t.title}</strong>
      <p>{t.text(addressLabel(address))}</p>
      {address.kind === "server" && isMixed(location.origin, address.base) && (
        <p>{words.value.settings.mixed}</p>
      )}
      <p class="notice-actions">
        <a class="button" href="?demo">
          {t.demo}
        </a>
        <button
          type="button"
          class="link-button"
          onClick={() => {
            settingsOpen.value = true;
          }}
        >
          {t.settings}
        </button>
      </p>
    </div>
  );
}
