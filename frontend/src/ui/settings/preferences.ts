import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { type Dictionary, en } from "../../i18n/en";
import { type Language, preferredLanguage } from "../../i18n/language";
import { browserStorage, createLocalStore } from "../../session/local-store";
import { isFlag, isOneOf } from "../../session/stored";

export type Theme = "auto" | "light" | "dark";

export const localStore = createLocalStore(browserStorage("localStorage"));
/** Values of this tab that survive a reload. */
export const tabStore = createLocalStore(browserStorage("sessionStorage"));

export const language = signal<Language>(
  localStore.get<Language>("language", isOneOf("en", "ru")) ?? preferredLanguage(navigator.languages),
);
export const theme = signal<Theme>(
  localStore.get<Theme>("theme", isOneOf("auto", "light", "dark")) ?? "auto",
);
export const notifications = signal(localStore.get("notifications", isFlag) ?? false);

/** The dictionary of the chosen language. A component that reads its `.value` renders again when the choice changes. */
export const localized = <T>(dictionaries: Readonly<Record<Language, T>>): ReadonlySignal<T> =>
  computed(() => (language.value === "ru" ? dictionaries.ru : dictionaries.en));

/** The Russian texts, once they are loaded: most readers need one language. */
const russian = signal<Dictionary | undefined>(undefined);

export const dictionary: ReadonlySignal<Dictionary> = computed(() =>
  language.value === "ru" ? (russian.value ?? en) : en,
);

/** Load the texts of `choice`. Throws if that fails. */
async function loadTexts(choice: Language): Promise<void> {
  if (choice === "ru") russian.value ??= (await import(/* webpackChunkName: "ru" */ "../../i18n/ru")).ru;
}

/** Load the texts of the current language. If that fails, the page is in English, which it has. */
export const loadLanguage = (): Promise<void> =>
  loadTexts(language.peek()).catch(() => {
    language.value = "en";
  });

/** Change the language; it stays as it is if the texts can't be loaded. */
export async function chooseLanguage(choice: Language): Promise<void> {
  await loadTexts(choice);
  localStore.set("language", choice);
  language.value = choice;
}

export function chooseTheme(choice: Theme): void {
  localStore.set("theme", choice);
  theme.value = choice;
}

export function chooseNotifications(choice: boolean): void {
  localStore.set("notifications", choice);
  notifications.value = choice;
}
