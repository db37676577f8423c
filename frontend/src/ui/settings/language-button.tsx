import { announce } from "../announcer";
import { chooseLanguage, dictionary, language } from "./preferences";

/** Switches to the other language, and is written in it. */
export function LanguageButton() {
  const t = dictionary.value;
  const other = language.value === "ru" ? "en" : "ru";
  // The name begins with what is visible, so that it can be spoken to a computer.
  const name = `${t.language.short}: ${t.language.switch}`;
  return (
    <button
      type="button"
      class="tool language"
      lang={other}
      title={name}
      aria-label={name}
      onClick={() => void chooseLanguage(other).catch(() => announce(t.missingPart.text))}
    >
      {t.language.short}
    </button>
  );
}
