/**
 * What a person types, by the rules of the server: `packages/contracts/src/opsroom_contracts/text`. The tests of both
 * sides read the same table of cases.
 */

const BLANK = /^[\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\u2800\uFFF9-\uFFFB\u{1D159}]*$/u;

/** Whether a reader sees nothing of `text`: only spaces and invisible characters. */
export const isBlank = (text: string): boolean => BLANK.test(text);

/** `text` with a sign for each half of a surrogate pair, as some programs copy it: that is no text. */
export const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, "\u{fffd}");

/** The length as the server counts it: code points, not UTF-16 code units. */
export const lengthOf = (text: string): number => [...text].length;

/** The graphemes of `text`: an emoji or an accented letter is one, however many code points it has. */
export function graphemes(text: string): readonly string[] {
  if (!Intl.Segmenter) return text.match(/\P{M}(?:\p{M}|\u200D)*/gu) ?? []; // Firefox before 125
  return [...new Intl.Segmenter().segment(text)].map(one => one.segment);
}

/** The longest beginning of `text` that has at most `limit` code points and cuts no grapheme in two. */
export function clip(text: string, limit: number): string {
  const points = [...text.slice(0, 2 * limit + 2)];
  if (points.length <= limit) return text;
  let kept = "";
  let length = 0;
  for (const grapheme of graphemes(points.slice(0, limit + 1).join(""))) {
    length += lengthOf(grapheme);
    if (length > limit) break;
    kept += grapheme;
  }
  return kept || points.slice(0, limit).join("");
}

/** The form in which texts are compared: without case, compatibility forms, invisible characters, repeated spaces. */
export const comparable = (text: string): string =>
  text
    .replace(/[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu, "")
    .normalize("NFKC")
    .toLowerCase()
    .toUpperCase()
    .replace(/\p{White_Space}+/gu, " ")
    .trim();

/** Whether two names are one. The server also compares letters that look alike in different scripts. */
export const sameName = (one: string, other: string | undefined): boolean =>
  other !== undefined && comparable(one) === comparable(other);
