/** A piece of code; without a kind it has the color of text. */
export interface CodeToken {
  readonly kind?: "comment" | "string" | "number" | "keyword" | "added" | "deleted";
  readonly text: string;
}

interface Language {
  readonly comment?: string;
  readonly blockComments?: boolean;
  readonly keywords: string;
}

const SHELL =
  "if then else elif fi for in do done while until case esac function return export local sudo cd echo exit set";
const PYTHON =
  "and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield None True False";
const SCRIPT =
  "async await break case catch class const continue default delete do else enum export extends false finally for from function if implements import in instanceof interface let new null of return static super switch this throw true try type typeof undefined var void while yield";
const GO =
  "break case chan const continue default defer else fallthrough for func go goto if import interface map nil package range return select struct switch type var true false";
const RUST =
  "as async await break const continue crate else enum extern false fn for if impl in let loop match mod move mut pub ref return self static struct super trait true type unsafe use where while";
const C =
  "auto bool break case catch char class const continue default delete do double else enum extern false float for if int long namespace new nullptr private protected public return short signed sizeof static struct switch template this throw true try typedef unsigned using virtual void volatile while NULL";
const SQL =
  "select from where and or not insert into values update set delete create table index drop alter join left right inner outer on group by order having limit offset as distinct null is in like union all primary key default begin commit rollback";

const SHELL_LANGUAGE: Language = { comment: "#", keywords: SHELL };
const PYTHON_LANGUAGE: Language = { comment: "#", keywords: PYTHON };
const SCRIPT_LANGUAGE: Language = { comment: "//", blockComments: true, keywords: SCRIPT };
const C_LANGUAGE: Language = { comment: "//", blockComments: true, keywords: C };
const DATA_LANGUAGE: Language = { comment: "#", keywords: "true false null yes no on off" };

/** By the names that writers use. */
const LANGUAGES: Readonly<Record<string, Language>> = {
  ...{ sh: SHELL_LANGUAGE, bash: SHELL_LANGUAGE, zsh: SHELL_LANGUAGE, shell: SHELL_LANGUAGE },
  ...{ console: SHELL_LANGUAGE, dockerfile: SHELL_LANGUAGE, py: PYTHON_LANGUAGE, python: PYTHON_LANGUAGE },
  ...{ js: SCRIPT_LANGUAGE, jsx: SCRIPT_LANGUAGE, ts: SCRIPT_LANGUAGE, tsx: SCRIPT_LANGUAGE },
  ...{ javascript: SCRIPT_LANGUAGE, typescript: SCRIPT_LANGUAGE },
  go: { comment: "//", blockComments: true, keywords: GO },
  ...{ rs: { comment: "//", blockComments: true, keywords: RUST } },
  ...{ rust: { comment: "//", blockComments: true, keywords: RUST } },
  ...{ c: C_LANGUAGE, h: C_LANGUAGE, cpp: C_LANGUAGE, "c++": C_LANGUAGE, java: C_LANGUAGE, cs: C_LANGUAGE },
  ...{
    json: DATA_LANGUAGE,
    yaml: DATA_LANGUAGE,
    yml: DATA_LANGUAGE,
    toml: DATA_LANGUAGE,
    ini: DATA_LANGUAGE,
  },
  ...{ conf: DATA_LANGUAGE, nginx: DATA_LANGUAGE },
  sql: { comment: "--", blockComments: true, keywords: SQL },
};

/** The longest string or comment that has a color: a missing end must not make the search long. */
const SPAN_MAX = 2_000;

/** What a language is made of, as one expression that is matched at each place in turn. */
function grammarOf({ comment, blockComments = false }: Language): RegExp {
  const parts = [
    ...(comment
      ? [`(?<comment>(?<![^\\s;])${comment}[^\\n]*${blockComments ? `|/\\*[^]{0,${SPAN_MAX}}?\\*/` : ""})`]
      : []),
    `(?<string>"(?:[^"\\\\\\n]|\\\\.){0,${SPAN_MAX}}"|'(?:[^'\\\\\\n]|\\\\.){0,${SPAN_MAX}}')`,
    String.raw`(?<number>\b\d[\w.]*)`,
    String.raw`(?<word>[\p{L}_$][\p{L}\p{N}_$-]*)`,
  ];
  return new RegExp(parts.join("|"), "gu");
}

/** The lines of a comparison: those that were added and deleted. */
function highlightDiff(text: string): CodeToken[] {
  return text.split(/(?<=\n)/).map((line): CodeToken => {
    if (line.startsWith("+")) return { kind: "added", text: line };
    if (line.startsWith("-")) return { kind: "deleted", text: line };
    return line.startsWith("@@") ? { kind: "comment", text: line } : { text: line };
  });
}

/** The tokens of `text`, which together are the text; undefined if the language is unknown. */
export function highlight(text: string, language: string): readonly CodeToken[] | undefined {
  const name = language.toLowerCase();
  if (name === "diff" || name === "patch") return highlightDiff(text);
  const known = Object.hasOwn(LANGUAGES, name) ? LANGUAGES[name] : undefined;
  if (!known) return undefined;
  const keywords = new Set(known.keywords.split(" "));
  const isKeyword = (word: string) => keywords.has(name === "sql" ? word.toLowerCase() : word);
  const tokens: CodeToken[] = [];
  let done = 0;
  for (const match of text.matchAll(grammarOf(known))) {
    const { comment, string, number, word } = match.groups ?? {};
    const kind = comment ? "comment" : string ? "string" : number ? "number" : "keyword";
    if (word !== undefined && !isKeyword(word)) continue;
    if (match.index > done) tokens.push({ text: text.slice(done, match.index) });
    tokens.push({ kind, text: match[0] });
    done = match.index + match[0].length;
  }
  if (done < text.length) tokens.push({ text: text.slice(done) });
  return tokens;
}
