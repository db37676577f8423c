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

/** The emoji to pick from. */
export default function EmojiGrid({ onPick }: { readonly onPick: (emoji: string) => void }) {
  return (
    <div
      role="group"
      aria-label={dictionary.value.chat.emoji}
      onKeyDown={event => {
        const buttons = [...event.currentTarget.querySelectorAll("button")];
        const wanted = neighbor(buttons, event.target as HTMLElement, event.key);
        if (!wanted) return;
        event.preventDefault();
        wanted.focus();
      }}
    >
      {EMOJI.map((emoji, index) => (
        // One tab stop; the arrow keys lead to the others.
        <button key={emoji} type="button" tabIndex={index === 0 ? 0 : -1} onClick={() => onPick(emoji)}>
          {emoji}
        </button>
      ))}
    </div>
  );
}
