import { computed, signal } from "@preact/signals";
import { en } from "../i18n/en";
import type { Language } from "../i18n/plural";
import { ru } from "../i18n/ru";
import { browserStorage, createKeep } from "../session/keep";

export type Theme = "auto" | "light" | "dark";

export const keep = createKeep(browserStorage("localStorage"));
/** What belongs to this tab alone and still survives its reload. */
export const tabKeep = createKeep(browserStorage("sessionStorage"));

const preferred = (): Language => (navigator.languages.some(one => one.startsWith("ru")) ? "ru" : "en");

export const language = signal<Language>(keep.get<Language>("language") ?? preferred());
export const theme = signal<Theme>(keep.get<Theme>("theme") ?? "auto");
export const notifications = signal(keep.get<boolean>("notifications") ?? false);

/** The words of the chosen language. Read `.value` while rendering, and the view follows the choice. */
export const words = computed(() => (language.value === "ru" ? ru : en));

export function chooseLanguage(choice: Language): void {
  keep.set("language", choice);
  language.value = choice;
}

export function chooseTheme(choice: Theme): void {
  keep.set("theme", choice);
  theme.value = choice;
}

export function chooseNotifications(choice: boolean): void {
  keep.set("notifications", choice);
  notifications.value = choice;
}
