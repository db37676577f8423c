import { SignInControl } from "../access/sign-in";
import { useApp } from "../app-context";
import { dictionary } from "../settings/preferences";

/** Outside open mode: the user and role, missing permissions, and buttons to sign in and out. */
export function AccessLine() {
  const { store } = useApp();
  const view = store.access.view.value;
  if (!view || view.mode === "open") return null;
  const t = dictionary.value.access;
  const { me } = store.chat.value;
  const lacks = ["see_servers", "command_servers"].find(action => !view.may.some(one => one === action));
  return (
    <section class="notice calm access" aria-label={t.label}>
      <p>
        {me ? <bdi>{me.name}</bdi> : t.nobody}
        {me && view.role && `, ${t.roles[view.role]}`}
      </p>
      {lacks === "see_servers" && <p>{t.cantSee}</p>}
      {lacks === "command_servers" && <p>{t.cantCommand}</p>}
      <p class="notice-actions">
        {lacks && <SignInControl />}
        {me && (
          <button type="button" class="link-button" onClick={store.leave}>
            {t.signOut}
          </button>
        )}
      </p>
    </section>
  );
}
