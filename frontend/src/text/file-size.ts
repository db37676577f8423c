const STEP = 1024;

/** A size in bytes for people, with at most one decimal: `1.5 MB`. */
export function formatFileSize(bytes: number, language: string, units: readonly string[]): string {
  let [value, unit] = [bytes, 0];
  while (value >= STEP && unit < units.length - 1) {
    value /= STEP;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toLocaleString(language, { maximumFractionDigits: digits })} ${units[unit]}`;
}
