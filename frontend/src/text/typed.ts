/**
 * What a person types, by the rules of the server: `packages/contracts/src/opsroom_contracts/text`. The tests of both
 * sides read the same table of cases.
 */

/**
 * Characters that draw nothing, whatever their category is: Braille's blank pattern, the object replacement character,
 * the hieroglyphs' blanks and music's null notehead.
 */
const EMPTY = String.raw`\p{Default_Ignorable_Code_Point}\u2800\uFFFC\u{13441}\u{13442}\u{1D159}`;
/** The format characters that draw something (Unicode's Prepended_Concatenation_Mark), such as U+0600. */
const SIGN = String.raw`[\u0600-\u0605\u06DD\u070F\u0890\u0891\u08E2\u{110BD}\u{110CD}]`;
const VISIBLE = new RegExp(String.raw`${SIGN}|[^\p{White_Space}\p{Cc}\p{Cf}${EMPTY}]`, "u");
const INVISIBLE = new RegExp(String.raw`[${EMPTY}]|(?!${SIGN})\p{Cf}`, "u");
const UNCOMPARED = new RegExp(String.raw`[${EMPTY}\p{Cf}]`, "gu");

/** Whether a reader sees nothing of `text`: only spaces and invisible characters. */
export const isBlank = (text: string): boolean => !VISIBLE.test(text);

/** Whether `text` has a character that draws nothing and is neither a space nor a control character. */
export const hasInvisible = (text: string): boolean => INVISIBLE.test(text);

/** `text` with a sign for each half of a surrogate pair, as some programs copy it: that is no text. */
export const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, "\u{fffd}");

/** The length as the server counts it: code points, not UTF-16 code units. */
export const lengthOf = (text: string): number => [...text].length;

/** A name as the server counts and keeps it: composed, with single spaces, and none around it. */
export const tidyName = (typed: string): string =>
  typed
    .normalize("NFC")
    .replace(/^\p{White_Space}+|\p{White_Space}+$/gu, "")
    .replace(/\p{Zs}+/gu, " ");

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
    .replace(UNCOMPARED, "")
    .normalize("NFKC")
    .toLowerCase()
    .toUpperCase()
    .replace(/\p{White_Space}+/gu, " ")
    .trim();

/** Whether two names are one. The server also compares letters that look alike in different scripts. */
export const sameName = (one: string, other: string | undefined): boolean =>
  other !== undefined && comparable(one) === comparable(other);
