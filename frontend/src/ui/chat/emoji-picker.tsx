import { useRef } from "preact/hooks";
import { dictionary } from "../settings/preferences";

const EMOJI = [
  ..."😀😁😂🙂😉😍🤔😅😢😡👍👎👏🙏💪👀🔥🎉✅❌❤️🚀☕🐛💡⏳🌙☀️".matchAll(/\p{Emoji}\uFE0F?/gu),
].map(match => match[0]);

/** The button to focus after an arrow key: in a grid whose columns follow from the layout. */
function neighbor(buttons: readonly HTMLElement[], from: HTMLElement, key: string): HTMLElement | undefined {
  const index = buttons.indexOf(from);
  const columns = buttons.filter(one => one.offsetTop === buttons[0]?.offsetTop).length;
  const steps: Readonly<Record<string, number>> = {
    ...{ ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns },
  };
  const step = steps[key];
  return step === undefined ? undefined : buttons[index + step];
}

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
      <div
        ref={panel}
        id="emoji"
        class="emoji-panel"
        popover="auto"
        role="group"
        aria-label={t.emoji}
        onKeyDown={event => {
          const buttons = [...event.currentTarget.querySelectorAll("button")];
          const wanted = neighbor(buttons, event.target as HTMLElement, event.key);
          if (!wanted) return;
          event.preventDefault();
          wanted.focus();
        }}
      >
        {EMOJI.map((emoji, index) => (
          <button
            key={emoji}
            type="button"
            // One tab stop; the arrow keys lead to the others.
            tabIndex={index === 0 ? 0 : -1}
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
