import { dictionary } from "../settings/preferences";
import { updateReady } from "./update-state";

/** The notice that the next load of the page gets a newer version. Drafts and unsent messages outlast the load. */
export default function UpdateNotice() {
  const t = dictionary.value.update;
  return (
    <div class="notice calm" role="status">
      <p>{t.ready}</p>
      <p class="notice-actions">
        <button type="button" class="button" onClick={() => location.reload()}>
          {t.reload}
        </button>
        <button
          type="button"
          class="link-button"
          onClick={() => {
            updateReady.value = false;
          }}
        >
          {t.later}
        </button>
      </p>
    </div>
  );
}
