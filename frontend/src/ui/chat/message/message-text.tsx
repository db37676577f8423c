import { useEffect } from "preact/hooks";
import { isEmojiOnly } from "../../../text/format";
import { loadMarkup, markup } from "./markup-loader";

/** Letters, spaces and the punctuation of sentences are no markup. */
const MAY_HAVE_MARKUP = /[^\p{L}\p{M} .,!?'"“”«»…–—;()]/u;

/** The text of a message, with its markup as elements; what it contains is never parsed as HTML. */
export function MessageText({ text }: { readonly text: string }) {
  const needsMarkup = MAY_HAVE_MARKUP.test(text);
  const isLoaded = markup.value !== undefined;
  useEffect(() => {
    if (needsMarkup && !isLoaded) loadMarkup();
  }, [needsMarkup, isLoaded]);
  const Markup = needsMarkup ? markup.value?.Markup : undefined;
  return (
    <div class={isEmojiOnly(text) ? "message-text emoji-only" : "message-text"} dir="auto">
      {Markup ? <Markup text={text} /> : text}
    </div>
  );
}
