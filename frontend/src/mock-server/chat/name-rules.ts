import { ApiError } from "../../api/errors";
import { NAME_MAX } from "../../contract/generated";
import { graphemes, hasInvisible, isBlank, lengthOf, tidyName } from "../../text/typed";

const PICTOGRAM = String.raw`\p{Extended_Pictographic}(?:[\uFE0E\uFE0F]|\p{Emoji_Modifier})?`;
/** Sequences in which an invisible character has a meaning: emoji, Han variants, joiners of scripts. */
const MEANINGFUL = new RegExp(
  [
    String.raw`[0-9#*]\uFE0F?\u20E3`,
    String.raw`\u{1F3F4}[\u{E0030}-\u{E0039}\u{E0061}-\u{E007A}]{3,6}\u{E007F}`,
    String.raw`${PICTOGRAM}(?:\u200D${PICTOGRAM})*`,
    String.raw`\p{Unified_Ideograph}[\uFE00-\uFE02\u{E0100}-\u{E01EF}]`,
    String.raw`(?<=[\u094D\u09CD\u0A4D\u0ACD\u0B4D\u0BCD\u0C4D\u0CCD\u0D4D])[\u200C\u200D]`,
    String.raw`(?<=\p{Script=Arabic}\p{M}*)\u200C(?=\p{Script=Arabic})`,
  ].join("|"),
  "gu",
);
const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [/\p{Cc}/u, "control"],
  [/\p{Cf}/u, "invisible or direction-changing"],
  [/\p{Cs}/u, "broken"],
  [/[\p{Zl}\p{Zp}]/u, "line-breaking"],
  [/\p{Cn}/u, "unassigned"],
  [/\p{Co}/u, "private-use"],
];
const SCRIPTS = [
  /\p{Script=Armenian}/u,
  /\p{Script=Cherokee}/u,
  /\p{Script=Coptic}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Georgian}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Latin}/u,
  /\p{Script=Lisu}/u,
];

function tooLong(name: string, max: number): string {
  const unit = graphemes(name).length === lengthOf(name) ? "characters" : "code points";
  return `has ${lengthOf(name)} ${unit}, the limit is ${max}`;
}

/** Why the server would refuse `name`; undefined if it would not. */
function problemOf(name: string, max: number): string | undefined {
  if (!name) return "must not be empty";
  if (lengthOf(name) > max) return tooLong(name, max);
  const rest = name.replace(MEANINGFUL, "");
  if (hasInvisible(rest)) return "must not contain invisible characters";
  const found = FORBIDDEN.find(([pattern]) => pattern.test(rest));
  if (found) return `must not contain ${found[1]} characters`;
  for (const word of name.match(/[\p{L}\p{M}]+/gu) ?? [])
    if (SCRIPTS.filter(script => script.test(word)).length > 1) return "must not mix letters in one word";
  return isBlank(name) || /^\p{M}+$/u.test(name) ? "must contain at least one visible character" : undefined;
}

/** The name that the server would keep. Throws what it would answer to a name that is not allowed. */
export function cleanName(typed: string, max: number = NAME_MAX): string {
  const name = tidyName(typed);
  const problem = problemOf(name, max);
  if (problem) throw new ApiError({ code: "name_invalid", detail: `The name ${problem}.` });
  return name;
}
