/** Excel reads a file as UTF-8 only if it begins with this mark. */
const BYTE_ORDER_MARK = "\uFEFF";

/** What spreadsheets take for the beginning of a formula, in the wide forms of Japanese settings as well. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/u;

/** Excel separates columns by the list separator of the system, which is a semicolon where decimals have a comma. */
function separatorFor(locale: string): string {
  // Some browsers return the system's name of the locale, such as `de_DE.UTF-8` or `en-US@posix`, or none.
  try {
    const tag = locale.replace(/[.@].*/, "").replaceAll("_", "-");
    return new Intl.NumberFormat(tag).format(1.5).includes(",") ? ";" : ",";
  } catch {
    return ",";
  }
}

/** A cell according to RFC 4180; a leading apostrophe keeps spreadsheets from running it as a formula. */
function cell(value: string | number | undefined): string {
  const text = String(value ?? "");
  const plain = FORMULA.test(text) ? `'${text}` : text;
  return /[",;\t\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

/** A CSV file that Excel opens with a double click, for a reader with the browser's `locale`. */
export const csvOf = (
  rows: readonly (readonly (string | number | undefined)[])[],
  locale: string,
): string => {
  const separator = separatorFor(locale);
  return BYTE_ORDER_MARK + rows.map(row => row.map(cell).join(separator)).join("\r\n");
};
