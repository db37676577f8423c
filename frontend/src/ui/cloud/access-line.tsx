import { SignInControl } from "../access/sign-in";
import { useApp } from "../app-context";
import { dictionary } from "../settings/preferences";

/** What the user may not do here, and how to change that. Who may do everything gets nothing: the menu has the rest. */
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
  const lacks = ["see_servers", "command_servers"].find(action => !view.may.some(one => one === action));
  if (!lacks) return null;
  return (
    <section class="notice calm access" aria-label={t.label}>
      <p>
        {!me && `${t.nobody} `}
        {lacks === "see_servers" ? t.cantSee : t.cantCommand}
      </p>
      <p class="notice-actions">
        <SignInControl />
      </p>
    </section>
  );
}
