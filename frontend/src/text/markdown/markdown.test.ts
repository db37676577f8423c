import { expect, it } from "vitest";
import { parseMarkdown } from "./blocks";
import { type Block, type Inline, Work } from "./nodes";

/** A short form of the result: `strong(bold)`, `link(text|href)`. */
const inline = (nodes: readonly Inline[]): string =>
  nodes
    .map(node => {
      if (typeof node === "string") return node;
      switch (node.type) {
        case "code":
          return `code(${node.text})`;
        case "link":
          return `link(${inline(node.children)}|${node.href})`;
        case "mention":
          return `mention(${node.name})`;
        case "shortcode":
          return `shortcode(${node.name})`;
        default:
          return `${node.type}(${inline(node.children)})`;
      }
    })
    .join("");

const block = (node: Block): string => {
  switch (node.type) {
    case "paragraph":
      return inline(node.children);
    case "fence":
      return `fence(${node.language}|${node.text})`;
    case "quote":
      return `quote(${blocks(node.children)})`;
    default:
      return `list(${node.items.map(({ value, children }) => `${value ?? "-"} ${blocks(children)}`).join(", ")})`;
  }
};
const blocks = (nodes: readonly Block[]): string => nodes.map(block).join(" / ");
const parsed = (text: string): string => blocks(parseMarkdown(text));

it.each([
  ["**bold** __bold__ *it* _it_ ~~gone~~", "strong(bold) strong(bold) em(it) em(it) del(gone)"],
  ["***both*** **a *b* c** *a **b** c*", "strong(em(both)) strong(a em(b) c) em(a strong(b) c)"],
  ["(**bold**), **bold**!", "(strong(bold)), strong(bold)!"],
  ["**two\nlines**", "strong(two\nlines)"],
  ["*note: use *this*", "*note: use em(this)"],
  ["**a ~~b** c~~", "strong(a ~~b) c~~"],
  ["**жирный** и _курсив_", "strong(жирный) и em(курсив)"],
  ["这是**粗体**字", "这是strong(粗体)字"],
])("formats %j", (text, expected) => expect(parsed(text)).toBe(expected));

it.each([
  "snake_case_name and __file",
  "2 * 3 * 4, 2*3*4, 2**10 and 3**5",
  "rm *.log *.txt **/*.ts",
  "~100 ~ 200 ~x~",
  "**** ---- ____ *****",
  "** bold **",
  "`a ``b no end",
  "[text] (x) [](/y) [a](javascript:alert(1)) [b](/x) [c](data:text/html,x)",
  "[a](/x [b]( c)",
  "10:30:45 a:b:c :) :Tada: ::",
  "ann@example.org @ @@ @!",
  "C:\\logs \\\\server\\share a\\b",
  "# heading\n| a | b |",
  "-5 *x 1.5 01. x 2024. >:( >x",
  "```\nno end",
  "a\n\n\n  b\n\tc",
  "<b onclick=alert(1)>x</b> &amp; <script>alert(1)</script>",
])("leaves alone %j", text => expect(parsed(text)).toBe(text));

it.each([
  ["`a` ``b ` c`` `` `d` `` ` `", "code(a) code(b ` c) code(`d`) code( )"],
  ["`**a**` **`b`**", "code(**a**) strong(code(b))"],
  ["```inline```", "code(inline)"],
  ["`@ann :tada: https://a.example`", "code(@ann :tada: https://a.example)"],
])("keeps code as it is: %j", (text, expected) => expect(parsed(text)).toBe(expected));

it.each([
  ["\\*a\\* \\_b\\_ \\`c\\` \\@ann \\:tada\\:", "*a* _b_ `c` @ann :tada:"],
  ["\\> no quote", "> no quote"],
  ["\\- no list", "- no list"],
  ["\\\\*a*", "\\*a*"],
])("takes a backslash for the character after it: %j", (text, expected) => {
  expect(parsed(text)).toBe(expected);
});

it.each([
  ["[docs](https://a.example/x_(y)) end", "link(docs|https://a.example/x_(y)) end"],
  ["[**b** `c`](http://a.example)", "link(strong(b) code(c)|http://a.example/)"],
  [
    "[mail](mailto:ann@a.example) mailto:ann@a.example",
    "link(mail|mailto:ann@a.example) link(mailto:ann@a.example|mailto:ann@a.example)",
  ],
  ["[[x](https://a.example)]", "[link(x|https://a.example/)]"],
  [
    "[](https://a.example) [a](https://b.example",
    "[](link(https://a.example|https://a.example/)) [a](link(https://b.example|https://b.example/)",
  ],
  ["**https://a.example/b_c_d**", "strong(link(https://a.example/b_c_d|https://a.example/b_c_d))"],
  ["*see [x](https://a.example) now*", "em(see link(x|https://a.example/) now)"],
  ["[https://a.example/](https://a.example/)", "link(https://a.example/|https://a.example/)"],
  // The text must not name another address than the one it leads to.
  [
    "[https://bank.example](https://evil.example)",
    "[link(https://bank.example|https://bank.example/)](link(https://evil.example|https://evil.example/))",
  ],
])("makes links of %j", (text, expected) => expect(parsed(text)).toBe(expected));

it.each([
  ["see https://a.example/b.", "see link(https://a.example/b|https://a.example/b)."],
  ["(https://a.example/x_(y))", "(link(https://a.example/x_(y)|https://a.example/x_(y)))"],
  [
    "www.a.example, http://b.example/?q=1!",
    "link(www.a.example|https://www.a.example/), link(http://b.example/?q=1|http://b.example/?q=1)!",
  ],
  ["https://я.рф/путь", "link(https://я.рф/путь|https://xn--41a.xn--p1ai/%D0%BF%D1%83%D1%82%D1%8C)"],
  [
    "http://127.0.0.1:8000/x http://[::1]:80/",
    "link(http://127.0.0.1:8000/x|http://127.0.0.1:8000/x) link(http://[::1]:80/|http://[::1]/)",
  ],
  ["https://a.example/l’été", "link(https://a.example/l’été|https://a.example/l%E2%80%99%C3%A9t%C3%A9)"],
  [
    "'https://a.example/x', ‘https://b.example’",
    "'link(https://a.example/x|https://a.example/x)', ‘link(https://b.example|https://b.example/)’",
  ],
  [
    "见https://a.example/b。然后（https://b.example/c），",
    "见link(https://a.example/b|https://a.example/b)。然后（link(https://b.example/c|https://b.example/c)），",
  ],
  ["«https://a.example/»", "«link(https://a.example/|https://a.example/)»"],
  ['https://a.example/"onclick="x', 'link(https://a.example/|https://a.example/)"onclick="x'],
  ["<a href=https://a.example>", "<a href=link(https://a.example|https://a.example/)>"],
  [
    "https:// www. www.. http://. http://, www.x ftp://a.example",
    "https:// www. www.. http://. http://, www.x ftp://a.example",
  ],
])("finds the addresses in %j", (text, expected) => expect(parsed(text)).toBe(expected));

it.each([
  ["@ann, @Иван. (@a.b-c) @ann's", "mention(ann), mention(Иван). (mention(a.b-c)) mention(ann)'s"],
  [":tada: :+1:!", "shortcode(tada) shortcode(+1)!"],
])("finds names: %j", (text, expected) => expect(parsed(text)).toBe(expected));

it("finds names of several words, if somebody has them", () => {
  const isName = (name: string) => ["mary ann lee", "mary ann"].includes(name.toLowerCase());
  const found = (text: string) => blocks(parseMarkdown(text, new Work(), isName));
  expect(found("@Mary Ann Lee, hi")).toBe("mention(Mary Ann Lee), hi");
  expect(found("hi @Mary Ann. So")).toBe("hi mention(Mary Ann). So");
  expect(found("**@Mary Ann**")).toBe("strong(mention(Mary Ann))");
  expect(found("@Mary Jane and x@Mary Ann")).toBe("mention(Mary) Jane and x@Mary Ann");
});

it.each([
  ["Log:\n```sh\none\n  two\n```\nwhat now?", "Log: / fence(sh|one\n  two) / what now?"],
  ["```\na\n```\n```\nb\n```", "fence(|a) / fence(|b)"],
  ["```\n**a** > b\n\n- c\n```", "fence(|**a** > b\n\n- c)"],
  ["a\n\n\n```\nb\n```\n\nc", "a / fence(|b) / c"],
  ["> a\n> **b**\nc", "quote(a\nstrong(b)) / c"],
  ["> a\n>> b\n>\n> c", "quote(a / quote(b) / c)"],
  ["> ```\n> code\n> ```", "quote(fence(|code))"],
  ["- a\n- b\n  - c\n  more\n* d", "list(- a, - b / list(- c) / more, - d)"],
  ["2. a\n7) b\n- c", "list(2 a, 7 b) / list(- c)"],
  ["text\n1. a\n   ```\n   x\n   ```\nend", "text / list(1 a / fence(|x)) / end"],
  [`${"> ".repeat(6)}a`, "quote(quote(quote(quote(> > a))))"],
])("finds the blocks of %j", (text, expected) => expect(parsed(text)).toBe(expected));
