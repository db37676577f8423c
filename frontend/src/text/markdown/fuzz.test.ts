import { expect, it } from "vitest";
import { parseMarkdown } from "./blocks";
import { type Block, type Inline, Work } from "./nodes";

/** What markup is made of, and some that isn't. */
const PIECES = [
  ..."*_~`[]()<>\\@:-.! \n\n\n",
  ...["**", "__", "~~", "```", "``", "](", "> ", "- ", "1. ", "  ", "    ", "```\n", "\n```\n", "\r\n", "\t"],
  ...[
    "http://",
    "https://a.example",
    "www.",
    "www.b.example",
    "mailto:c@d.example",
    "javascript:",
    ":tada:",
    "@ann",
  ],
  ...["a", "Слово", "字", "😀", "é", "\u202E", "\u0000", "\uD83D", "<script>", "&lt;", "0"],
];

/** Mulberry32: numbers from 0 to 1 that a seed determines. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function messageOf(random: () => number, length: number): string {
  const pick = () => PIECES[Math.floor(random() * PIECES.length)] ?? "";
  // Repetition is what is dangerous.
  const repeated = Array.from({ length: 1 + Math.floor(random() * 4) }, pick).join("");
  const isRepeated = random() < 0.3;
  let text = "";
  while (text.length < length) text += isRepeated ? repeated : pick();
  return text.slice(0, length);
}

interface Facts {
  text: string;
  readonly hrefs: string[];
  depth: number;
}

function readInline(nodes: readonly Inline[], facts: Facts, depth: number, isInLink: boolean): void {
  facts.depth = Math.max(facts.depth, depth);
  for (const node of nodes) {
    if (typeof node === "string") facts.text += node;
    else if (node.type === "mention") facts.text += `@${node.name}`;
    else if (node.type === "shortcode") facts.text += `:${node.name}:`;
    else if (node.type === "code") facts.text += node.text;
    else {
      if (node.type === "link") {
        expect(isInLink).toBe(false);
        facts.hrefs.push(node.href);
      }
      expect(node.children.length).toBeGreaterThan(0);
      readInline(node.children, facts, depth + 1, isInLink || node.type === "link");
    }
  }
}

function readBlocks(blocks: readonly Block[], facts: Facts, depth = 0): void {
  facts.depth = Math.max(facts.depth, depth);
  for (const block of blocks) {
    if (block.type === "paragraph") readInline(block.children, facts, depth, false);
    else if (block.type === "fence") facts.text += block.language + block.text;
    else if (block.type === "quote") readBlocks(block.children, facts, depth + 1);
    else
      for (const { value, children } of block.items) {
        if (value !== undefined) facts.text += value;
        readBlocks(children, facts, depth + 1);
      }
  }
}

/** Whether `part` has characters of `whole` only, in their order; returns those that are missing in it. */
function missingFrom(part: string, whole: string): string | undefined {
  let at = 0;
  let missing = "";
  for (const char of whole) {
    if (part.startsWith(char, at)) at += char.length;
    else missing += char;
  }
  return at === part.length ? missing : undefined;
}

/** What is missing in the text of a link: its address, which is in the link. */
const MARKUP = /^[*_~`[\]()<>\\:.\-\s]*$/;

it("keeps every character but the marks, nests within limits, and links to safe addresses only", () => {
  for (let seed = 1; seed <= 3_000; seed += 1) {
    const random = randomOf(seed);
    const message = messageOf(random, Math.floor(random() * 200));
    const facts: Facts = { text: "", hrefs: [], depth: 0 };
    readBlocks(
      parseMarkdown(message, new Work(), name => name.length % 2 === 0),
      facts,
    );
    const missing = missingFrom(facts.text, message);
    expect(missing, `seed ${seed}: ${JSON.stringify(message)}`).toBeDefined();
    // The text of a link to another text stands for its address.
    const isExplicit = /\]\((?:https?:|www\.|mailto:)/.test(message);
    if (!isExplicit) expect(missing, `seed ${seed}: ${JSON.stringify(message)}`).toMatch(MARKUP);
    expect(facts.depth).toBeLessThanOrEqual(10);
    for (const href of facts.hrefs) expect(href).toMatch(/^(?:https?:\/\/|mailto:)/);
  }
});

it("does linear work, whatever it reads", () => {
  const worst = { ratio: 0, message: "" };
  for (let seed = 1; seed <= 300; seed += 1) {
    const message = messageOf(randomOf(seed), 4_000);
    const work = new Work();
    parseMarkdown(message, work);
    const ratio = work.steps / message.length;
    if (ratio > worst.ratio) Object.assign(worst, { ratio, message: message.slice(0, 40) });
  }
  expect(worst.ratio, worst.message).toBeLessThan(16);
});

it.each(
  [
    ...[
      "*",
      "**",
      "***",
      "_",
      "~~",
      "`",
      "``",
      "` ",
      "[",
      "]",
      "](",
      "[](",
      "[a](",
      "[x](http://a",
      "[http://a.b](",
      "(",
    ],
    ...[
      "> ",
      "- ",
      " - ",
      "1. ",
      ">",
      "```\n",
      "```\na\n",
      "\n",
      "a\n",
      "  ",
      "\\",
      "\\*",
      "@",
      "@a",
      ":",
      ":a",
      ":a:",
    ],
    ...[
      "http://",
      "www.",
      "www.a.",
      "https://a.b/)",
      "https://a.b/'",
      "mailto:",
      "*a ",
      "*a*",
      "**a*",
      "*a _b ~~c __d ",
    ],
    ...["*a **b* c", "[*a](http://b.example)*", "`a ``b ```c ", "> - ", "- > ", "  - "],
  ].flatMap(piece => [[piece], [`${piece}x`], [`x ${piece}`]]),
)("reads many %j once", piece => {
  const stepsFor = (count: number): number => {
    const work = new Work();
    parseMarkdown(piece.repeat(count), work, name => name.length % 2 === 0);
    return work.steps;
  };
  // Twice the text is at most about twice the work.
  expect(stepsFor(4_000)).toBeLessThanOrEqual(2.2 * stepsFor(2_000) + 100);
});
