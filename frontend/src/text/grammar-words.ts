/** The words of a command in the chat, and what is wrong with them: the twin of `incidents/words.py`. */

/** What separates words. */
const BLANKS = " \t\u00a0\u3000";
const WORD = new RegExp(`(?:[^${BLANKS}"]|"[^"]*")+`, "y");
const AROUND = new RegExp(`^[${BLANKS}]+|[${BLANKS}]+$`, "g");

/** What is wrong with a command. */
export type Reason = "unknown" | "quote" | "missing" | "invalid" | "extra" | "limit" | "mixed";

/** Why a text is no valid command. */
export interface Problem {
  readonly is: "Problem";
  /** Where, as an index of the text. */
  readonly position: number;
  readonly reason: Reason;
  /** The argument, or `command` for the name. */
  readonly field: string;
}

/** A text is no valid command; only the grammar throws and catches it. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.reason);
  }
}

export function refuse(position: number, reason: Reason, field: string): never {
  throw new Refused({ is: "Problem", position, reason, field });
}

export const isBlankAt = (text: string, at: number): boolean => BLANKS.includes(text.charAt(at));

export const trimmed = (text: string): string => text.replace(AROUND, "");

/** A word without its quotation marks; `start`: where it begins in the text. */
export interface Word {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The words after a command's name, which are taken one after another. */
export class Words {
  private readonly end: number;

  constructor(
    private readonly text: string,
    private at: number,
  ) {
    let end = text.length;
    while (end > 0 && isBlankAt(text, end - 1)) end -= 1;
    this.end = end;
  }

  /** Where the next word begins; the end of the text if there is none. */
  get start(): number {
    let { at } = this;
    while (at < this.end && isBlankAt(this.text, at)) at += 1;
    return Math.min(at, this.end);
  }

  get hasMore(): boolean {
    return this.start < this.end;
  }

  /** The next word; undefined at the end. */
  peek(): Word | undefined {
    const { start } = this;
    if (start >= this.end) return undefined;
    WORD.lastIndex = start;
    const found = WORD.exec(this.text)?.[0] ?? "";
    const end = start + found.length;
    if (end < this.end && this.text.charAt(end) === '"') refuse(end, "quote", "command");
    return { text: found.replaceAll('"', ""), start, end };
  }

  /** Take the next word. */
  take(): Word | undefined {
    const word = this.peek();
    if (word) this.at = word.end;
    return word;
  }

  /** Take the next word; refuse the command if there is none. */
  required(field: string): Word {
    return this.take() ?? refuse(this.end, "missing", field);
  }

  /** Take the next word if it is `word`; returns whether it was. */
  keyword(word: string): boolean {
    return this.peek()?.text === word && this.take() !== undefined;
  }

  /** Take the rest of the text as it is, quotation marks included. */
  rest(): string {
    const text = this.text.slice(this.start, this.end);
    this.at = this.end;
    return text;
  }

  /** Refuse the command if words are left. */
  finish(): void {
    const word = this.peek();
    if (word) refuse(word.start, "extra", "command");
  }
}
