export type Language = "en" | "ru";

type Forms = { readonly other: string } & Partial<Record<Intl.LDMLPluralRule, string>>;

/** A function that puts a number into the form that the language wants with it; `#` stands for the number. */
export function plural(language: Language): (count: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(language);
  const numbers = new Intl.NumberFormat(language);
  return (count, forms) => (forms[rules.select(count)] ?? forms.other).replace("#", numbers.format(count));
}
