import { words } from "../preferences";
import { useLive } from "../session-context";
import { SignInWay } from "../sign-in";

/** Outside of open mode: as whom one is here, what that doesn't allow, and how to get further or out. */
export function AccessLine() {
  const { session } = useLive();
  const view = session.access.view.value;
  if (!view || view.mode === "open") return null;
  const t = words.value.access;
  const { me } = session.chat.value;
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
        {lacks && <SignInWay />}
        {me && (
          <button type="button" class="link-button" onClick={session.leave}>
            {t.signOut}
          </button>
        )}
      </p>
    </section>
  );
}
