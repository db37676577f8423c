import { useEffect } from "preact/hooks";
import { SignInControl } from "../access/sign-in";
import { announce } from "../announcer";
import { useApp } from "../app-context";
import { Avatar } from "../chat/avatar";
import { peopleDictionary } from "../people/people-dictionary";
import { deviceDialog } from "../people/people-state";
import { canSignInAgain, useSession } from "../people/use-session";
import { hrefs } from "../place";
import {
  chooseLanguage,
  chooseTheme,
  dictionary,
  language,
  type Theme,
  theme,
} from "../settings/preferences";
import { notificationsOpen, settingsOpen } from "../settings/settings-state";
import { dialogOpen } from "../shortcuts";

const THEMES: readonly Theme[] = ["auto", "light", "dark"];

function Who() {
  const { store } = useApp();
  const { me } = store.chat.value;
  const view = store.access.view.value;
  const { access: t, account } = dictionary.value;
  // In open mode everybody may do the same.
  const role = view?.mode === "open" && view.role !== "admin" ? undefined : view?.role;
  const actions = view?.may.filter(one => one !== "register") ?? [];
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
          {role ? peopleDictionary.value.roles[role] : view?.mode === "open" ? account.open : account.guest}
        </span>
        {role && <span class="hint">{peopleDictionary.value.may(actions)}</span>}
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

/** The user's devices: one more, and signing out. */
function Devices({ onChosen }: { readonly onChosen: (act: () => void) => () => void }) {
  const { address, backend, store } = useApp();
  const session = useSession();
  const t = peopleDictionary.value;
  const canReturn = session !== undefined && canSignInAgain(session);
  const signOutHere = async () => {
    const { token } = store;
    // Another device may have signed in or out since the menu was opened.
    const now = token === undefined ? undefined : await backend.session(token).catch(() => undefined);
    // Without another way to sign in, the last device would lose the name for its owner.
    if (now && (canSignInAgain(now) || (now.devices ?? 1) > 1)) await store.signOutHere();
    else deviceDialog.value = "here";
  };
  const giveUp = () => {
    deviceDialog.value = "everywhere";
  };
  const openLink = () => {
    deviceDialog.value = "link";
  };
  return (
    <div class="account-part">
      {store.access.view.value?.may.includes("manage_people") && (
        <a class="menu-item" href={hrefs.people} onClick={onChosen(() => undefined)}>
          {t.title}
        </a>
      )}
      {store.access.view.value?.may.includes("manage_hooks") && (
        <a class="menu-item" href={hrefs.hooks} onClick={onChosen(() => undefined)}>
          {dictionary.value.nav.hooks}
        </a>
      )}
      {address.kind !== "demo" && (
        <>
          <button type="button" class="menu-item" onClick={onChosen(openLink)}>
            {t.device}
          </button>
          <button type="button" class="menu-item" onClick={onChosen(() => void signOutHere())}>
            {t.signOutHere}
          </button>
        </>
      )}
      <button type="button" class="menu-item" onClick={onChosen(giveUp)}>
        {canReturn ? t.signOutEverywhere : t.giveUp}
      </button>
    </div>
  );
}

/** The account menu. `onClose` closes the popover that it is in. */
export default function AccountMenu({ onClose }: { readonly onClose: () => void }) {
  useEffect(() => {
    // So that its dialogs also open offline. If that fails, opening one tries again.
    import(/* webpackChunkName: "devices" */ "../people/device-dialogs").catch(() => undefined);
  }, []);
  const { store } = useApp();
  const t = dictionary.value;
  const { me } = store.chat.value;
  const other = language.value === "ru" ? "en" : "ru";
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
        {me && (
          <button
            type="button"
            class="menu-item"
            onClick={then(() => {
              notificationsOpen.value = true;
            })}
          >
            {t.settings.notify}
          </button>
        )}
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
      {me && <Devices onChosen={then} />}
    </>
  );
}
