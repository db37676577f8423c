import { signal } from "@preact/signals";
import { useApp } from "./app-context";
import { dictionary } from "./settings/preferences";

const dismissed = signal(false);

/** The notice that the browser keeps nothing: the page works, but not beyond a reload. */
export function StorageNotice() {
  const { localStore } = useApp();
  if (!localStore.failed.value || dismissed.value) return null;
  const t = dictionary.value.storage;
  return (
    <div class="notice" role="status">
      <strong>{t.title}</strong>
      <p>{t.text}</p>
      <p class="notice-actions">
        <button
          type="button"
          class="link-button"
          onClick={() => {
            dismissed.value = true;
          }}
        >
          {t.dismiss}
        </button>
      </p>
    </div>
  );
}
