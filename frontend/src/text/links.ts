export type TextPart = { readonly text: string } | { readonly text: string; readonly href: string };

const CANDIDATE = /\b(?:https?:\/\/|www\.)[^\s<>"'`]+/giu;
const CLOSERS: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };

const count = (text: string, char: string): number => text.split(char).length - 1;

/** Remove trailing punctuation that belongs to the sentence: `(see https://a.example/b).` */
function trimmed(candidate: string): string {
  let text = candidate;
  for (;;) {
    const last = text.at(-1) ?? "";
    const opener = CLOSERS[last];
    const isUnbalanced = opener !== undefined && count(text, opener) < count(text, last);
    if (!isUnbalanced && !/[.,;:!?…»”’*_~]/u.test(last)) return text;
    text = text.slice(0, -1);
  }
}

/** The URL of a candidate; undefined unless the browser parses it as http or https. */
function hrefOf(text: string): string | undefined {
  try {
    const url = new URL(/^www\./i.test(text) ? `https://${text}` : text);
    const isWeb = url.protocol === "http:" || url.protocol === "https:";
    return isWeb && url.hostname.includes(".") ? url.href : undefined;
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
