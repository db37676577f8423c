/** What may be the name of a server: only with a digit or a hyphen, because others are words. */
const NAME = /([a-z0-9-]+)/;
const IS_TELLING = /[0-9-]/;

/**
 * The parts of a text, of which each second one may be the name of a server: it is no part of an address, a path or a
 * longer word.
 */
export function splitNames(text: string): readonly string[] {
  const parts: string[] = [""];
  const pieces = text.split(NAME);
  pieces.forEach((piece, index) => {
    const [before = "", after = ""] = [pieces[index - 1], pieces[index + 1]];
    const isName =
      index % 2 === 1 &&
      IS_TELLING.test(piece) &&
      !/[\w@/.:]$/.test(before) &&
      !/^(?:[\w@/]|\.\w)/.test(after + next(pieces, index));
    if (isName) parts.push(piece, "");
    else parts[parts.length - 1] += piece;
  });
  return parts;
}

/** The first letter of what follows a separator. */
const next = (pieces: readonly string[], index: number): string => pieces[index + 2]?.charAt(0) ?? "";
