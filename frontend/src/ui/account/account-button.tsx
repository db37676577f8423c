import { useState } from "preact/hooks";
import { useApp } from "../app-context";
import { Avatar } from "../chat/avatar";
import { Lazy } from "../lazy";
import { dictionary } from "../settings/preferences";

const loadMenu = () => import(/* webpackChunkName: "account" */ "./account-menu");
const MENU = "account";

const closeMenu = () => document.getElementById(MENU)?.hidePopover();

/** Who the user is, and the menu of what belongs to them: a popover, which the browser closes. */
export function AccountButton() {
  const { me } = useApp().store.chat.value;
  const [opened, setOpened] = useState(false);
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
        // Loaded when it is first opened, so as not to delay the first load.
        onBeforeToggle={() => setOpened(true)}
      >
        {opened && <Lazy load={loadMenu} props={{ onClose: closeMenu }} />}
      </div>
    </>
  );
}
