import type { MessageHit } from "../../contract/generated";

/** A part of a text, and whether it matches the query. */
export interface SnippetPart {
  readonly text: string;
  readonly isMatch: boolean;
}

/** How many characters are shown before the first match, and in all. */
const BEFORE = 30;
const SHOWN = 140;

/** Marks of code and of emphasis, which say nothing where they aren't rendered. */
const MARKS = /`|\*\*/g;

/** The part of a message around its first match, on one line. Places are in code points, not in units of UTF-16. */
export function snippetOf({ message, highlights }: MessageHit): readonly SnippetPart[] {
  const characters = [...message.text];
  const first = highlights[0]?.start ?? 0;
  const start = characters.length > SHOWN ? Math.max(0, first - BEFORE) : 0;
  const end = Math.min(characters.length, start + SHOWN);
  const textOf = (from: number, to: number) =>
    characters.slice(from, to).join("").replace(MARKS, "").replace(/\s+/g, " ");
  const parts: SnippetPart[] = [];
  const add = (text: string, isMatch: boolean) => {
    if (text) parts.push({ text, isMatch });
  };
  if (start > 0) add("…", false);
  let at = start;
  for (const one of highlights) {
    const from = Math.max(at, Math.min(one.start, end));
    const to = Math.min(one.end, end);
    if (to <= from) continue;
    add(textOf(at, from), false);
    add(textOf(from, to), true);
    at = to;
  }
  add(textOf(at, end), false);
  if (end < characters.length) add("…", false);
  return parts;
}
