export type Language = "en" | "ru";

/** The first of the browser's languages that the page has; English if it has none of them. */
export function preferredLanguage(languages: readonly string[]): Language {
  const names = languages.map(one => one.toLowerCase().split("-")[0]);
  return names.find(one => one === "en" || one === "ru") ?? "en";
}
