import type { Language } from "../../i18n/language";

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

/** A duration in its largest unit, such as `2 hr`. */
export function formatDuration(language: Language, seconds: number): string {
  const [unit, length] = UNITS.find(([, one]) => seconds >= one) ?? ["second", 1];
  return new Intl.NumberFormat(language, { style: "unit", unit }).format(
    Math.floor(Math.max(0, seconds) / length),
  );
}

/** A size in its largest decimal unit, such as `1.2 MB`. */
export function formatBytes(language: Language, bytes: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const unit = units[power] ?? "byte";
  // The short form of "bytes" is "byte" in English, for any number.
  const unitDisplay = power === 0 ? "long" : "short";
  const format = { style: "unit", unit, unitDisplay, maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(language, format).format(bytes / 1000 ** power);
}

/** Milliseconds to two significant digits, without their unit. */
export const formatMilliseconds = (language: Language, ms: number): string =>
  new Intl.NumberFormat(language, { maximumSignificantDigits: 2 }).format(ms);
