/** Texts without spaces are common in Chinese and Japanese, so their punctuation ends a link; so does `](`. */
const CANDIDATE =
  /\b(?:https?:\/\/|www\.|mailto:)(?:(?!\]\()[^\s<>"`\u3001\u3002\u3008-\u3011\u3014-\u301B\uFF01\uFF08\uFF09\uFF0C\uFF1A\uFF1B\uFF1F\uFF5E“”„«»‹›])+/iuy;
const SENTENCE_END = /[.,;:!?…'’‘*_~]/u;
const OPENERS = "([{";
const CLOSERS = ")]}";
const SAFE_SCHEMES: readonly string[] = ["http:", "https:", "mailto:"];

/** Remove trailing punctuation that belongs to the sentence: `(see https://a.example/b).` Takes one pass. */
function trimmed(candidate: string): string {
  const surplus = [0, 0, 0];
  for (let at = 0; at < candidate.length; at++) {
    const opener = OPENERS.indexOf(candidate.charAt(at));
    const closer = CLOSERS.indexOf(candidate.charAt(at));
    if (opener >= 0) surplus[opener] = (surplus[opener] ?? 0) - 1;
    if (closer >= 0) surplus[closer] = (surplus[closer] ?? 0) + 1;
  }
  let end = candidate.length;
  for (; end > 0; end--) {
    const last = candidate.charAt(end - 1);
    const closer = CLOSERS.indexOf(last);
    if (closer >= 0 && (surplus[closer] ?? 0) > 0) surplus[closer] = (surplus[closer] ?? 0) - 1;
    else if (!SENTENCE_END.test(last)) break;
  }
  return candidate.slice(0, end);
}

/** The address that `text` is; undefined unless the browser parses it as http, https or mailto. */
export function hrefOf(text: string): string | undefined {
  try {
    const isBare = /^www\./i.test(text);
    const url = new URL(isBare ? `https://${text}` : text);
    const isWhole = !isBare || url.hostname.includes(".", 4);
    return SAFE_SCHEMES.includes(url.protocol) && url.pathname && isWhole ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** What may be an address at a place of a text. */
export interface FoundAddress {
  /** How many characters the search looked at; they can't begin another address. */
  readonly length: number;
  /** The address as it is written; without `href` it is none. */
  readonly text: string;
  readonly href: string | undefined;
}

/** The address that begins at `at`, where `http`, `www.` or `mailto:` does; undefined if there is nothing to read. */
export function addressAt(text: string, at: number): FoundAddress | undefined {
  CANDIDATE.lastIndex = at;
  const candidate = CANDIDATE.exec(text)?.[0];
  if (candidate === undefined) return undefined;
  const written = trimmed(candidate);
  return { length: candidate.length, text: written, href: hrefOf(written) };
}
