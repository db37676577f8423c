/** A text with a selection, as a text field has it. */
export interface Selected {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

export type Mark = "**" | "_" | "`";

const FENCE = "```";

/** The selection without the spaces at its ends: marks stand directly at what they mark. */
function trimmed({ text, start, end }: Selected): Selected {
  const chosen = text.slice(start, end);
  const from = start + chosen.length - chosen.trimStart().length;
  return chosen.trim() ? { text, start: from, end: from + chosen.trim().length } : { text, start, end };
}

/** The text with something else between `from` and `to`; the selection is what `select` says, from there on. */
const replaced = (
  text: string,
  [from, to]: readonly [number, number],
  by: string,
  [start, end]: readonly [number, number],
): Selected => ({ text: text.slice(0, from) + by + text.slice(to), start: from + start, end: from + end });

/** Put the selection into a block of code, whose marks are on separate lines. */
function fenced({ text, start, end }: Selected): Selected {
  const before = start === 0 || text[start - 1] === "\n" ? "" : "\n";
  const after = end === text.length || text[end] === "\n" ? "" : "\n";
  const head = `${before}${FENCE}\n`;
  const chosen = text.slice(start, end);
  return replaced(text, [start, end], `${head}${chosen}\n${FENCE}${after}`, [
    head.length,
    head.length + chosen.length,
  ]);
}

/** Put marks around the selection, or take them away if it has them. Code of several lines becomes a block. */
export function toggleMark(selected: Selected, mark: Mark): Selected {
  const { text, start, end } = trimmed(selected);
  const chosen = text.slice(start, end);
  const size = mark.length;
  if (mark === "`" && chosen.includes("\n")) return fenced({ text, start, end });
  if (text.slice(start - size, start) === mark && text.slice(end, end + size) === mark)
    return replaced(text, [start - size, end + size], chosen, [0, chosen.length]);
  if (chosen.length >= 2 * size && chosen.startsWith(mark) && chosen.endsWith(mark))
    return replaced(text, [start, end], chosen.slice(size, -size), [0, chosen.length - 2 * size]);
  return replaced(text, [start, end], mark + chosen + mark, [size, size + chosen.length]);
}

/** Put `quoted` as a quote before what is written. */
export const withQuote = (text: string, quoted: string): string => {
  const lines = quoted.trimEnd().split("\n");
  return `${lines.map(line => `> ${line}`.trimEnd()).join("\n")}\n${text}`;
};
