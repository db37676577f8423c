import { SignInControl } from "../access/sign-in";
import { useApp } from "../app-context";
import { deviceDialog } from "../people/people-state";
import { dictionary } from "../settings/preferences";

/** Outside open mode: the user and role, missing permissions, and buttons to sign in and out. */
export function AccessLine() {
  const { store } = useApp();
  const view = store.access.view.value;
  const t = dictionary.value.access;
  const { me } = store.chat.value;
  if (view?.mode === "open" && !me)
    return (
      <section class="notice calm access" aria-label={t.label}>
        <p>{t.nameless}</p>
        <p class="notice-actions">
          <a href="#/chat">{dictionary.value.join.title}</a>
        </p>
      </section>
    );
  if (!view || view.mode === "open") return null;
  const signOut = () => {
    // Without another way to sign in, leaving the last device has to be confirmed.
    if (view.credential === "token" || view.credential === "sign_on") void store.signOutHere();
    else deviceDialog.value = "here";
  };
  const lacks = ["see_servers", "command_servers"].find(action => !view.may.some(one => one === action));
  return (
    <section class={lacks ? "notice calm access" : "access-line"} aria-label={t.label}>
      <p>
        {me ? <bdi>{me.name}</bdi> : t.nobody}
        {me && view.role && `, ${t.roles[view.role]}`}
      </p>
      {lacks === "see_servers" && <p>{t.cantSee}</p>}
      {lacks === "command_servers" && <p>{t.cantCommand}</p>}
      <p class="notice-actions">
        {lacks && <SignInControl />}
        {me && (
          <button type="button" class="link-button" onClick={signOut}>
            {t.signOut}
          </button>
        )}
      </p>
    </section>
  );
}
