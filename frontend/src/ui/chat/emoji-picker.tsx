import { useRef } from "preact/hooks";
import { dictionary } from "../settings/preferences";

const EMOJI = [
  ..."😀😁😂🙂😉😍🤔😅😢😡👍👎👏🙏💪👀🔥🎉✅❌❤️🚀☕🐛💡⏳🌙☀️".matchAll(/\p{Emoji}\uFE0F?/gu),
].map(match => match[0]);

/** A small emoji picker, in a popover that the browser closes. */
export function EmojiPicker({ onPick }: { readonly onPick: (emoji: string) => void }) {
  const panel = useRef<HTMLDivElement>(null);
  const t = dictionary.value.chat;
  return (
    <>
      <button
        type="button"
        class="tool emoji-button"
        popovertarget="emoji"
        aria-label={t.emoji}
        title={t.emoji}
      >
        <span class="icon icon-smile" aria-hidden="true" />
      </button>
      <div ref={panel} id="emoji" class="emoji-panel" popover="auto">
        {EMOJI.map(emoji => (
          <button
            key={emoji}
            type="button"
            onClick={() => {
              panel.current?.hidePopover();
              onPick(emoji);
            }}
          >
            {emoji}
          </button>
        ))}
      </div>
    </>
  );
}
