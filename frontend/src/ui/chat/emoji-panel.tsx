import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { isListOf, isText } from "../../session/stored";
import { EMOJI, type Emoji, findEmoji } from "../../text/emoji";
import { isEmojiOnly } from "../../text/format";
import { useApp } from "../app-context";
import { dictionary } from "../settings/preferences";
import { messageDictionary } from "./message/message-dictionary";

const RECENT_KEY = "emoji.recent";
const RECENT_MAX = 14;
const isTouch = (): boolean => matchMedia("(hover: none) and (pointer: coarse)").matches;

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

interface GridProps {
  readonly label: string;
  readonly emoji: readonly Emoji[];
  readonly onPick: (char: string) => void;
}

const Grid = ({ label, emoji, onPick }: GridProps) => (
  <div
    class="emoji-grid"
    role="group"
    aria-label={label}
    onKeyDown={event => {
      const buttons = [...event.currentTarget.querySelectorAll("button")];
      const wanted = neighbor(buttons, event.target as HTMLElement, event.key);
      if (!wanted) return;
      event.preventDefault();
      wanted.focus();
    }}
  >
    {emoji.map(({ char, names: [name = char] }, index) => (
      // One tab stop; the arrow keys lead to the others.
      <button
        key={char}
        type="button"
        tabIndex={index === 0 ? 0 : -1}
        title={name}
        onClick={() => onPick(char)}
      >
        {char}
      </button>
    ))}
  </div>
);

/** The emoji that were picked last on this browser. */
function useRecent(): readonly [readonly string[], (char: string) => void] {
  const { localStore } = useApp();
  const recent = localStore.get(RECENT_KEY, isListOf(isText)) ?? [];
  const add = (char: string) =>
    localStore.set(RECENT_KEY, [char, ...recent.filter(one => one !== char)].slice(0, RECENT_MAX));
  return [recent, add];
}

/** Emoji to pick from: those that were picked last, all of them, and a search. What is typed may be one itself. */
export default function EmojiPanel({ onPick }: { readonly onPick: (emoji: string) => void }) {
  const [query, setQuery] = useState("");
  const [recent, remember] = useRecent();
  const field = useRef<HTMLInputElement>(null);
  const t = messageDictionary.value;
  useLayoutEffect(() => {
    if (!isTouch()) field.current?.focus();
  }, []);
  const pick = (char: string) => {
    remember(char);
    setQuery("");
    onPick(char);
  };
  const typed = query.trim();
  const found = isEmojiOnly(typed) && typed ? [{ char: typed, names: [], words: "" }] : findEmoji(query);
  const known = recent.flatMap(
    char => EMOJI.find(one => one.char === char) ?? { char, names: [], words: "" },
  );
  return (
    <div class="emoji-choice">
      <input
        ref={field}
        type="search"
        class="emoji-search"
        aria-label={t.findEmoji}
        placeholder={t.findEmoji}
        value={query}
        onInput={event => setQuery(event.currentTarget.value)}
        onKeyDown={event => {
          const [first] = found;
          if (event.key === "Enter" && first) pick(first.char);
          else if (event.key === "ArrowDown")
            event.currentTarget.parentElement?.querySelector<HTMLElement>(".emoji-grid button")?.focus();
          else return;
          event.preventDefault();
        }}
      />
      {!query && known.length > 0 && <Grid label={t.recentEmoji} emoji={known} onPick={pick} />}
      {found.length > 0 ? (
        <Grid label={dictionary.value.chat.emoji} emoji={found} onPick={pick} />
      ) : (
        <p class="hint">{t.noEmoji}</p>
      )}
    </div>
  );
}
