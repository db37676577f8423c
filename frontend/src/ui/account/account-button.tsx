import { useEffect, useState } from "preact/hooks";
import { useApp } from "../app-context";
import { Avatar } from "../chat/avatar";
import { Lazy } from "../lazy";
import { dictionary } from "../settings/preferences";

const loadMenu = () => import(/* webpackChunkName: "account" */ "./account-menu");
const MENU = "account";

/** When the menu is loaded unless it was opened before: after the first load, so that it also opens offline. */
const PRELOAD_MS = 1000;

const closeMenu = () => document.getElementById(MENU)?.hidePopover();

/** Who the user is, and the menu of what belongs to them: a popover, which the browser closes. */
export function AccountButton() {
  const { me } = useApp().store.chat.value;
  const [opened, setOpened] = useState(false);
  useEffect(() => {
    // If that fails, opening the menu tries again.
    const timer = setTimeout(() => loadMenu().catch(() => undefined), PRELOAD_MS);
    return () => clearTimeout(timer);
  }, []);
  const t = dictionary.value.account;
  return (
    <>
      <button type="button" class="account" popovertarget={MENU} aria-label={me ? t.of(me.name) : t.label}>
        {me ? <Avatar user={me} /> : <span class="icon icon-person" aria-hidden="true" />}
        {me && <bdi>{me.name}</bdi>}
      </button>
      <div
        id={MENU}
        class="account-menu"
        popover="auto"
        role="group"
        aria-label={t.label}
        // Loaded apart, so as not to delay the first load.
        onBeforeToggle={() => setOpened(true)}
      >
        {opened && <Lazy load={loadMenu} props={{ onClose: closeMenu }} />}
      </div>
    </>
  );
}
