/** A check of a value from browser storage: an older version, another page of the site or a person may have written it. */
export type Guard<T> = (value: unknown) => value is T;

export const isText: Guard<string> = value => typeof value === "string";
export const isFlag: Guard<boolean> = value => typeof value === "boolean";
export const isNumber: Guard<number> = (value): value is number =>
  typeof value === "number" && Number.isFinite(value);

/** The largest distance of a `Date` from 1970, in milliseconds. */
const TIME_MAX = 8.64e15;

/** Unix milliseconds that are the time of a date. */
export const isTime: Guard<number> = (value): value is number =>
  isNumber(value) && Math.abs(value) <= TIME_MAX;

export const isOneOf =
  <T extends string>(...choices: readonly T[]): Guard<T> =>
  (value): value is T =>
    choices.some(one => one === value);

export const isListOf =
  <T>(isItem: Guard<T>): Guard<readonly T[]> =>
  (value): value is readonly T[] =>
    Array.isArray(value) && value.every(isItem);

export const isMissingOr =
  <T>(isValue: Guard<T>): Guard<T | undefined> =>
  (value): value is T | undefined =>
    value === undefined || isValue(value);

/** An object with fields that pass their guards; it may have others. */
export const isRecord =
  <T extends object>(fields: { readonly [K in keyof T]-?: Guard<T[K]> }): Guard<T> =>
  (value): value is T =>
    typeof value === "object" &&
    value !== null &&
    (Object.keys(fields) as (keyof T)[]).every(key => fields[key]((value as Partial<T>)[key]));
