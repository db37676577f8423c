import type { Language } from "./language";

type Forms = { readonly other: string } & Partial<Record<Intl.LDMLPluralRule, string>>;

/** Create a function that picks the plural form for a number and replaces `#` in it by the number. */
export function plural(language: Language): (count: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(language);
  const numbers = new Intl.NumberFormat(language);
  return (count, forms) => (forms[rules.select(count)] ?? forms.other).replace("#", numbers.format(count));
}
