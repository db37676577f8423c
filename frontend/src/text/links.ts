export type TextPart = { readonly text: string } | { readonly text: string; readonly href: string };

/** Texts without spaces are common in Chinese and Japanese, so their punctuation ends a link. */
const CANDIDATE =
  /\b(?:https?:\/\/|www\.)[^\s<>"`\u3001\u3002\u3008-\u3011\u3014-\u301B\uFF01\uFF08\uFF09\uFF0C\uFF1A\uFF1B\uFF1F\uFF5E“”„«»‹›]+/giu;
const SENTENCE_END = /[.,;:!?…'’‘*_~]/u;
const OPENERS = "([{";
const CLOSERS = ")]}";

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

/** The URL of a candidate; undefined unless the browser parses it as http or https. */
function hrefOf(text: string): string | undefined {
  try {
    const isBare = /^www\./i.test(text);
    const url = new URL(isBare ? `https://${text}` : text);
    const isWeb = url.protocol === "http:" || url.protocol === "https:";
    return isWeb && (!isBare || url.hostname.includes(".", 4)) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** Split a message into plain text and links; the concatenated parts are the message. */
export function splitLinks(message: string): readonly TextPart[] {
  const parts: TextPart[] = [];
  let done = 0;
  for (const match of message.matchAll(CANDIDATE)) {
    const text = trimmed(match[0]);
    const href = hrefOf(text);
    if (!href) continue;
    if (match.index > done) parts.push({ text: message.slice(done, match.index) });
    parts.push({ text, href });
    done = match.index + text.length;
  }
  if (done < message.length) parts.push({ text: message.slice(done) });
  return parts;
}
