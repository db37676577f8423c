import logo from "../icons/logo.svg";
import { ConnectionBadge } from "./connection/connection-badge";
import { view } from "./place";
import { LanguageButton } from "./settings/language-button";
import { chooseTheme, dictionary, type Theme, theme } from "./settings/preferences";
import { settingsOpen } from "./settings/settings-state";

const NEXT_THEME: Record<Theme, Theme> = { auto: "dark", dark: "light", light: "auto" };

export function Header() {
  const t = dictionary.value;
  const themeLabel = `${t.theme.label}: ${t.theme[theme.value].toLowerCase()}`;
  return (
    <header class="header">
      <a class="brand" href="#/chat" aria-label={t.title}>
        <img src={logo} alt="" width="28" height="28" />
        <span>{t.title}</span>
      </a>
      <nav class="nav" aria-label={t.nav.label}>
        {(["chat", "cloud"] as const).map(one => (
          <a key={one} href={`#/${one}`} aria-current={view.value === one ? "page" : undefined}>
            {t.nav[one]}
          </a>
        ))}
      </nav>
      <ConnectionBadge />
      <div class="header-tools">
        {/* Next to the page: built with it, or a page that leads to the public documentation. */}
        <a class="tool" href="docs/" target="_blank" rel="noopener" title={t.help} aria-label={t.help}>
          ?
        </a>
        <LanguageButton />
        <button
          type="button"
          class="tool"
          title={themeLabel}
          aria-label={themeLabel}
          onClick={() => chooseTheme(NEXT_THEME[theme.value])}
        >
          <span class={`icon icon-theme-${theme.value}`} aria-hidden="true" />
        </button>
        <button
          type="button"
          class="tool"
          title={t.settings.title}
          aria-label={t.settings.title}
          onClick={() => {
            settingsOpen.value = true;
          }}
        >
          <span class="icon icon-settings" aria-hidden="true" />
        </button>
      </div>
    </header>
  );
}
