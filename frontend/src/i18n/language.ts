export type Language = "en" | "ru";

/**
 * The first of the browser's languages that the page has; English if it has none of them. Some browsers return the
 * system's names, such as `ru_RU.UTF-8` or `en-US@posix`.
 */
export function preferredLanguage(languages: readonly string[]): Language {
  const names = languages.map(one => one.toLowerCase().split(/[^a-z]/)[0]);
  return names.find(one => one === "en" || one === "ru") ?? "en";
}
