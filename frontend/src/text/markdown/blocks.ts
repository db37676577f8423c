import { type IsName, parseInline } from "./inline";
import { type Block, type ListItem, Work } from "./nodes";

const FENCE = /^```([^`]*)$/;
const FENCE_END = /^```\s*$/;
const QUOTE = /^>(?: |$|(?=>))/;
const ITEM = /^ {0,3}(?:[-*]|(0|[1-9]\d{0,8})[.)]) +(?=\S)/;
const CONTINUED = /^ {2,}(?=\S)/;
/** How deep quotes and lists may be in each other; what is deeper is text. */
const DEPTH_MAX = 4;

/** Reads lines once, from the first to the last; quotes and lists are read again without their marks. */
class BlockScanner {
  private readonly blocks: Block[] = [];
  private paragraph: string[] = [];
  private at = 0;
  private readonly lastFence: number;

  constructor(
    private readonly lines: readonly string[],
    private readonly depth: number,
    private readonly work: Work,
    private readonly isName: IsName,
  ) {
    this.lastFence = lines.findLastIndex(line => FENCE_END.test(line));
    for (const line of lines) work.steps += line.length + 1;
  }

  scan(): readonly Block[] {
    while (this.at < this.lines.length) {
      const line = this.line();
      const isNested = this.depth < DEPTH_MAX;
      if (FENCE.test(line) && this.at < this.lastFence) this.readFence();
      else if (isNested && QUOTE.test(line)) this.readQuote();
      else if (isNested && ITEM.test(line)) this.readList();
      else {
        this.paragraph.push(line);
        this.at += 1;
      }
    }
    this.endParagraph();
    return this.blocks;
  }

  private line(): string {
    return this.lines[this.at] ?? "";
  }

  private add(block: Block): void {
    this.endParagraph();
    this.blocks.push(block);
  }

  /** Lines that are no block are a paragraph, with the empty lines between them. */
  private endParagraph(): void {
    const text = this.paragraph.join("\n").replace(/^\n+|\n+$/g, "");
    this.paragraph = [];
    if (text) this.blocks.push({ type: "paragraph", children: parseInline(text, this.work, this.isName) });
  }

  private readFence(): void {
    const language = FENCE.exec(this.line())?.[1]?.trim() ?? "";
    const start = this.at + 1;
    for (this.at = start; !FENCE_END.test(this.line()); this.at += 1) this.work.steps += 1;
    this.add({ type: "fence", language, text: this.lines.slice(start, this.at).join("\n") });
    this.at += 1;
  }

  private readQuote(): void {
    const inner: string[] = [];
    for (; QUOTE.test(this.line()); this.at += 1) inner.push(this.line().replace(QUOTE, ""));
    this.add({ type: "quote", children: this.nested(inner) });
  }

  private readList(): void {
    const isOrdered = ITEM.exec(this.line())?.[1] !== undefined;
    const items: ListItem[] = [];
    for (;;) {
      const found = ITEM.exec(this.line());
      if (!found || (found[1] !== undefined) !== isOrdered) break;
      items.push(this.readItem(found[0].length, found[1]));
    }
    this.add({ type: "list", isOrdered, items });
  }

  private readItem(width: number, number: string | undefined): ListItem {
    const inner = [this.line().slice(width)];
    for (this.at += 1; CONTINUED.test(this.line()); this.at += 1) {
      const indent = CONTINUED.exec(this.line())?.[0].length ?? 0;
      inner.push(this.line().slice(Math.min(indent, width)));
    }
    const children = this.nested(inner);
    return number === undefined ? { children } : { value: Number(number), children };
  }

  private nested(lines: readonly string[]): readonly Block[] {
    return new BlockScanner(lines, this.depth + 1, this.work, this.isName).scan();
  }
}

/**
 * Parse a message: a subset of Markdown, which `docs/guides/write-messages.md` describes. The result has every character of the text but
 * the marks. The work is linear in the length of the text, whatever it contains: `work` counts it.
 */
export const parseMarkdown = (
  text: string,
  work = new Work(),
  isName: IsName = () => false,
): readonly Block[] => new BlockScanner(text.split(/\r?\n/), 0, work, isName).scan();
