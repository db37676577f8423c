import logo from "../icons/logo.svg";
import { AccountButton } from "./account/account-button";
import { unread } from "./chat/unread";
import { ConnectionBadge } from "./connection/connection-badge";
import { currentRoom, hrefs, view } from "./place";
import { dictionary } from "./settings/preferences";
import { dialogOpen } from "./shortcuts";

const HOME = hrefs.room("general");
const SECTIONS = ["chat", "cloud", "activity"] as const;

/** Where a section begins; the chat, with the room that it showed last. */
const hrefOf = (section: (typeof SECTIONS)[number]): string =>
  section === "chat" ? hrefs.room(currentRoom.value) : section === "cloud" ? hrefs.servers : hrefs.activity();

/** The number of unread messages, where there are any. */
function UnreadBadge() {
  const t = dictionary.value.chat;
  if (unread.value === 0) return null;
  return (
    <span class="badge">
      <span aria-hidden="true">{unread.value > 99 ? "99+" : unread.value}</span>
      <span class="visually-hidden">{t.fresh(unread.value)}</span>
    </span>
  );
}

export function Header() {
  const t = dictionary.value;
  return (
    <header class="header">
      <a class="brand" href={HOME} aria-label={t.title}>
        <img src={logo} alt="" width="24" height="24" />
        <span>{t.title}</span>
      </a>
      <nav class="nav" aria-label={t.nav.label}>
        {SECTIONS.map(one => (
          <a key={one} href={hrefOf(one)} aria-current={view.value === one ? "page" : undefined}>
            <span class={`icon icon-${one}`} aria-hidden="true" />
            {t.nav[one]}
            {one === "chat" && <UnreadBadge />}
          </a>
        ))}
      </nav>
      <button
        type="button"
        class="search"
        aria-label={t.search.open}
        aria-keyshortcuts="Control+K Meta+K"
        onClick={() => {
          dialogOpen.value = "search";
        }}
      >
        <span class="icon icon-search" aria-hidden="true" />
        <span class="search-words">{t.search.open}</span>
        <kbd>Ctrl K</kbd>
      </button>
      <ConnectionBadge />
      <AccountButton />
    </header>
  );
}
