import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { en } from "../../i18n/en";
import { type Language, preferredLanguage } from "../../i18n/language";
import { ru } from "../../i18n/ru";
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

export const dictionary = localized({ en, ru });

export function chooseLanguage(choice: Language): void {
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
