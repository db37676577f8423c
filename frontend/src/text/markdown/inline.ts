import { addressAt, hrefOf } from "../links";
import type { Inline, Span, Work } from "./nodes";

/** Where something other than plain text may begin. */
const MARK = /[\\`*_~[\]@:]|\b(?:https?:\/\/|www\.|mailto:)/giu;
/** A backslash before one of these makes it plain text; before others, it is one itself, as in `C:\\logs`. */
const ESCAPABLE = "*_~`[]>@:-";
/** A letter or a digit of a script that puts spaces between words: what is inside of a word is no markup. */
const WORD = /(?![\p{Ideographic}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}])[\p{L}\p{N}]/u;
const MENTION = /@[\p{L}\p{N}_](?:[\p{L}\p{M}\p{N}_.-]{0,30}[\p{L}\p{M}\p{N}_])?/uy;
/** What may be a name of several words. */
const LONG_NAME = /@([^\s@`]{1,32}(?: [^\s@`]{1,32}){1,2})/uy;
/** What may follow a name without a space. */
const AFTER_NAME = /[.,;:!?)\]}'"*_~]+$/;
const SHORTCODE = /:[a-z0-9_+-]{1,40}:/y;
/** More backticks in a row, or other marks, are no markup. */
const RUN_MAX = 3;

/** What ends a sentence or belongs to a pattern of files begins no span, as in "*.log". */
const NO_START = /[.,;:!?/)\]}]/;

const isWord = (char: string | undefined): boolean => char !== undefined && WORD.test(char);
const isSpace = (char: string | undefined): boolean => char === undefined || /\s/.test(char);

/** A mark that waits for its partner. */
interface Opener {
  readonly mark: string;
  /** Where the mark is among the nodes, as text. */
  readonly index: number;
}

/** All addresses in `nodes`. */
const addressesOf = (nodes: readonly Inline[]): string[] =>
  nodes.flatMap(node =>
    typeof node === "string"
      ? []
      : node.type === "link"
        ? [node.href]
        : "children" in node
          ? addressesOf(node.children)
          : [],
  );

/** The nodes with their links as text: a link has no link in it. */
const withoutLinks = (nodes: readonly Inline[]): Inline[] =>
  nodes.flatMap((node): readonly Inline[] => {
    if (typeof node === "string" || !("children" in node)) return [node];
    const children = withoutLinks(node.children);
    return node.type === "link" ? children : [{ type: node.type, children }];
  });

const typeOf = (mark: string): Span["type"] => (mark === "~~" ? "del" : mark.length === 2 ? "strong" : "em");

/**
 * Reads a text once, from left to right. A mark without a partner stays text. Each mark waits at most once at a time,
 * so at most five spans and a link are nested, and nothing is searched for twice.
 */
class InlineScanner {
  private readonly nodes: Inline[] = [];
  private open: Opener[] = [];
  /** The place that is read next. */
  private at = 0;
  /** Where the text begins that is in no node yet. */
  private from = 0;
  /** The numbers of backticks that don't occur in a row any more. */
  private readonly missing = new Set<number>();

  constructor(
    private readonly text: string,
    private readonly work: Work,
    private readonly isName: IsName,
  ) {}

  scan(): Inline[] {
    const marks = new RegExp(MARK);
    while (this.at < this.text.length) {
      marks.lastIndex = this.at;
      const found = marks.exec(this.text);
      const place = found?.index ?? this.text.length;
      this.work.steps += place - this.at + 1;
      this.at = place;
      if (found) this.read(found[0].charAt(0));
    }
    this.flush(this.at);
    return this.nodes;
  }

  private read(char: string): void {
    switch (char) {
      case "\\":
        return this.readEscape();
      case "`":
        return this.readCode();
      case "*":
      case "_":
      case "~":
        return this.readMark(char);
      case "[":
        return this.wait("[");
      case "]":
        return this.readLink();
      case "@":
        return this.readMention();
      case ":":
        return this.readShortcode();
      default:
        return this.readAddress();
    }
  }

  /** Turn what was read before `end` into a node of text. */
  private flush(end: number): void {
    if (end > this.from) this.nodes.push(this.text.slice(this.from, end));
    this.from = end;
  }

  /** Add a node for the text from the current place to `end`. */
  private add(node: Inline, end: number): void {
    this.flush(this.at);
    this.nodes.push(node);
    this.at = end;
    this.from = end;
  }

  private readEscape(): void {
    const isEscape = ESCAPABLE.includes(this.text.charAt(this.at + 1) || " ");
    if (!isEscape) {
      this.at += 1;
      return;
    }
    this.flush(this.at);
    this.from = this.at + 1;
    this.at += 2;
  }

  /** The end of the row of `char` that begins at `start`. */
  private endOfRun(char: string, start: number): number {
    let end = start;
    while (this.text.charAt(end) === char) end += 1;
    this.work.steps += end - start;
    return end;
  }

  private readCode(): void {
    const start = this.endOfRun("`", this.at);
    const length = start - this.at;
    let close = length > RUN_MAX || this.missing.has(length) ? -1 : this.text.indexOf("`", start);
    while (close >= 0) {
      const end = this.endOfRun("`", close);
      if (end - close === length) {
        this.work.steps += close - start;
        return this.add({ type: "code", text: unpadded(this.text.slice(start, close)) }, end);
      }
      close = this.text.indexOf("`", end);
    }
    if (length <= RUN_MAX && !this.missing.has(length)) {
      this.work.steps += this.text.length - start;
      this.missing.add(length);
    }
    this.at = start;
  }

  private readMark(char: string): void {
    const end = this.endOfRun(char, this.at);
    let left = end - this.at;
    const [before, after] = [this.text[this.at - 1], this.text[end]];
    if (left > RUN_MAX || (char === "~" && left !== 2)) {
      this.at = end;
      return;
    }
    const canClose = !isSpace(before) && !isWord(after);
    while (canClose && left > 0) {
      const opener = this.openerFor(char, left);
      if (!opener) break;
      this.close(opener);
      left -= opener.mark.length;
    }
    const canOpen = !isSpace(after) && !NO_START.test(after ?? "") && !isWord(before);
    if (canOpen && left === RUN_MAX) {
      this.wait(char.repeat(2));
      this.wait(char);
    } else if (canOpen && left > 0) this.wait(char.repeat(left));
    else this.at += left;
  }

  /** The mark that a row of `left` marks ends: one of the same length, or the last that is not longer. */
  private openerFor(char: string, left: number): Opener | undefined {
    const same = this.open.filter(({ mark }) => mark.startsWith(char) && mark.length <= left);
    return same.findLast(({ mark }) => mark.length === left) ?? same.at(-1);
  }

  /** Have a mark at the current place wait for its partner, instead of an earlier one. */
  private wait(mark: string): void {
    this.flush(this.at);
    this.open = [...this.open.filter(one => one.mark !== mark), { mark, index: this.nodes.length }];
    this.nodes.push(mark);
    this.at += mark.length;
    this.from = this.at;
  }

  /** Make a span of what follows `opener`; the current place is at its partner. */
  private close(opener: Opener): void {
    this.flush(this.at);
    const children = this.nodes.splice(opener.index + 1);
    this.nodes[opener.index] = { type: typeOf(opener.mark), children };
    // What was opened in it and not closed is text.
    this.open = this.open.slice(0, this.open.indexOf(opener));
    this.at += opener.mark.length;
    this.from = this.at;
  }

  private readLink(): void {
    const opener = this.open.find(({ mark }) => mark === "[");
    const end = opener && this.text.charAt(this.at + 1) === "(" ? this.endOfTarget(this.at + 2) : -1;
    const href = end < 0 ? undefined : hrefOf(this.text.slice(this.at + 2, end));
    if (opener) this.flush(this.at);
    if (!opener || !this.isLink(opener, href)) {
      this.open = this.open.filter(one => one !== opener);
      this.at += 1;
      return;
    }
    const children = withoutLinks(this.nodes.splice(opener.index + 1));
    this.nodes[opener.index] = { type: "link", href, children };
    this.open = this.open.slice(0, this.open.indexOf(opener));
    this.at = end + 1;
    this.from = this.at;
  }

  /** Whether a link has a text, and not one that is another address: that would hide where it leads to. */
  private isLink(opener: Opener, href: string | undefined): href is string {
    const children = this.nodes.slice(opener.index + 1);
    this.work.steps += children.length;
    return href !== undefined && children.length > 0 && addressesOf(children).every(one => one === href);
  }

  /** Where the parenthesis after an address closes; -1 if it doesn't. What can't be in an address ends the search. */
  private endOfTarget(start: number): number {
    let depth = 0;
    let end = start;
    for (; end < this.text.length; end++) {
      const char = this.text.charAt(end);
      if (/[\s<>`[\]]/.test(char)) break;
      if (char === "(") depth += 1;
      if (char === ")" && depth-- === 0) break;
    }
    this.work.steps += end - start;
    return this.text.charAt(end) === ")" ? end : -1;
  }

  private readMention(): void {
    MENTION.lastIndex = this.at;
    const isInWord = isWord(this.text[this.at - 1]);
    const name = isInWord ? undefined : (this.longName() ?? MENTION.exec(this.text)?.[0].slice(1));
    if (name === undefined) this.at += 1;
    else this.add({ type: "mention", name }, this.at + 1 + name.length);
  }

  /** The longest name of several words that begins here and that somebody has. */
  private longName(): string | undefined {
    LONG_NAME.lastIndex = this.at;
    let words = LONG_NAME.exec(this.text)?.[1] ?? "";
    this.work.steps += words.length;
    for (; words.includes(" "); words = words.slice(0, words.lastIndexOf(" "))) {
      if (this.isName(words)) return words;
      const bare = words.replace(AFTER_NAME, "");
      if (bare.includes(" ") && this.isName(bare)) return bare;
    }
    return undefined;
  }

  private readShortcode(): void {
    SHORTCODE.lastIndex = this.at;
    const found = isWord(this.text[this.at - 1]) ? undefined : SHORTCODE.exec(this.text)?.[0];
    if (found === undefined) this.at += 1;
    else this.add({ type: "shortcode", name: found.slice(1, -1) }, this.at + found.length);
  }

  private readAddress(): void {
    const found = addressAt(this.text, this.at);
    this.work.steps += found?.length ?? 1;
    if (found?.href) {
      const { href, text } = found;
      this.add({ type: "link", href, children: [text] }, this.at + text.length);
    } else this.at += found?.length ?? 1;
  }
}

/** Code that begins or ends with a backtick has a space there, which is no part of it. */
const unpadded = (code: string): string =>
  code.startsWith(" ") && code.endsWith(" ") && code.trim() ? code.slice(1, -1) : code;

/** Whether somebody has a name; only those of several words are asked for, because others need no knowledge. */
export type IsName = (name: string) => boolean;

/** The nodes of a text without blocks. */
export const parseInline = (text: string, work: Work, isName: IsName): readonly Inline[] =>
  new InlineScanner(text, work, isName).scan();
