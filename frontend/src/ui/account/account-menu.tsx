import { SignInControl } from "../access/sign-in";
import { announce } from "../announcer";
import { useApp } from "../app-context";
import { Avatar } from "../chat/avatar";
import { hrefs } from "../place";
import {
  chooseLanguage,
  chooseTheme,
  dictionary,
  language,
  type Theme,
  theme,
} from "../settings/preferences";
import { settingsOpen } from "../settings/settings-state";
import { dialogOpen } from "../shortcuts";

const THEMES: readonly Theme[] = ["auto", "light", "dark"];

function Who() {
  const { store } = useApp();
  const { me } = store.chat.value;
  const view = store.access.view.value;
  const { access: t, account } = dictionary.value;
  if (!me)
    return (
      <div class="account-who">
        <p>
          {t.nobody} <a href={hrefs.room("general")}>{dictionary.value.join.title}</a> <SignInControl />
        </p>
      </div>
    );
  return (
    <div class="account-who">
      <Avatar user={me} />
      <p>
        <strong>
          <bdi>{me.name}</bdi>
        </strong>
        <span class="hint">
          {view?.role ? t.roles[view.role] : view?.mode === "open" ? account.open : account.guest}
        </span>
      </p>
    </div>
  );
}

function ThemeChoice() {
  const t = dictionary.value;
  return (
    <div class="account-part">
      <fieldset>
        <legend class="account-caption">{t.theme.label}</legend>
        <div class="account-theme">
          {THEMES.map(one => (
            <label key={one}>
              <input
                class="visually-hidden"
                type="radio"
                name="theme"
                checked={theme.value === one}
                onChange={() => chooseTheme(one)}
              />
              {t.theme[one]}
            </label>
          ))}
        </div>
      </fieldset>
    </div>
  );
}

/** The account menu. `onClose` closes the popover that it is in. */
export default function AccountMenu({ onClose }: { readonly onClose: () => void }) {
  const { store } = useApp();
  const t = dictionary.value;
  const { me } = store.chat.value;
  const other = language.value === "ru" ? "en" : "ru";
  const isOpen = store.access.view.value?.mode === "open";
  const then = (act: () => void) => () => {
    onClose();
    act();
  };
  return (
    <>
      <Who />
      <ThemeChoice />
      <div class="account-part">
        <button
          type="button"
          class="menu-item"
          lang={other}
          onClick={() => void chooseLanguage(other).catch(() => announce(t.missingPart.text))}
        >
          {t.account.language}
        </button>
        <button
          type="button"
          class="menu-item"
          onClick={then(() => {
            settingsOpen.value = true;
          })}
        >
          {t.settings.title}
        </button>
        <button
          type="button"
          class="menu-item"
          onClick={then(() => {
            dialogOpen.value = "shortcuts";
          })}
        >
          {t.shortcuts.title} <kbd>?</kbd>
        </button>
        {/* Next to the page: built with it, or a page that leads to the public documentation. */}
        <a class="menu-item" href="docs/" target="_blank" rel="noopener">
          {t.help}
        </a>
      </div>
      {me && (
        <div class="account-part">
          <button
            type="button"
            class="menu-item"
            aria-description={t.chat.leaveHint}
            title={t.chat.leaveHint}
            onClick={then(store.leave)}
          >
            {isOpen ? t.chat.leave : t.access.signOut}
          </button>
        </div>
      )}
    </>
  );
}
