import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** The emoji by name; undefined until the first message that has one. */
const emoji = signal<ReadonlyMap<string, string> | undefined>(undefined);

/** The emoji that `:name:` stands for, or the text itself if there is none. */
export function Shortcode({ name }: { readonly name: string }) {
  useEffect(() => {
    if (emoji.peek()) return;
    import(/* webpackChunkName: "emoji" */ "../../../text/emoji").then(
      ({ EMOJI_BY_NAME }) => {
        emoji.value = EMOJI_BY_NAME;
      },
      // The text says what is meant.
      () => undefined,
    );
  }, []);
  const found = emoji.value?.get(name);
  const text = `:${name}:`;
  return found ? <span title={text}>{found}</span> : text;
}
