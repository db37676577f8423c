import { addressLabel, isMixed } from "../../api/address";
import { useApp } from "../app-context";
import { dictionary } from "../settings/preferences";
import { settingsOpen } from "../settings/settings-state";
import { serverSeemsAbsent } from "./connection-status";

/** The notice that nothing could be loaded: this device is offline, or no server responds. */
export function NoServer() {
  const { store, address } = useApp();
  if (!serverSeemsAbsent(store.cloud.value)) return null;
  if (store.cloud.value.connection.phase === "offline") return <Offline />;
  const t = dictionary.value.noServer;
  return (
    <div class="notice" role="alert">
      <strong>{t.title}</strong>
      <p>{t.text(addressLabel(address))}</p>
      {address.kind === "server" && isMixed(location.origin, address.base) && (
        <p>{dictionary.value.settings.mixed}</p>
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

function Offline() {
  const t = dictionary.value.offline;
  return (
    <div class="notice calm" role="status">
      <strong>{t.title}</strong>
      <p>{t.text}</p>
    </div>
  );
}
