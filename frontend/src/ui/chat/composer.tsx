import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { TEXT_MAX } from "../../contract/generated";
import { formatMessageTime } from "../../text/format";
import { useApp } from "../app-context";
import { dictionary, tabStore } from "../settings/preferences";
import { EmojiPicker } from "./emoji-picker";
import { useMute } from "./use-mute";

/** The interval of typing notices; receivers show each for five seconds. */
const TYPING_INTERVAL_MS = 2_500;
const WARN_BELOW = 200;

const isTouch = (): boolean => matchMedia("(hover: none) and (pointer: coarse)").matches;

export function Composer() {
  const { store, scope } = useApp();
  const draftKey = `draft.${scope}`;
  const [text, setText] = useState(() => tabStore.get<string>(draftKey) ?? "");
  const field = useRef<HTMLTextAreaElement>(null);
  const typedAt = useRef(0);
  const t = dictionary.value.chat;
  const { me } = store.chat.value;
  const muted = useMute();
  // The server counts code points, not UTF-16 code units.
  const left = TEXT_MAX - [...text.trim()].length;

  useEffect(() => {
    if (text) tabStore.set(draftKey, text);
    else tabStore.remove(draftKey);
  }, [text, draftKey]);

  useEffect(() => {
    if (!me) return;
    field.current?.focus();
    // In a short window, the focus alone shows only the line of the caret.
    field.current?.closest("form")?.scrollIntoView({ block: "nearest" });
  }, [me]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text
  useLayoutEffect(() => {
    const area = field.current;
    if (!area) return;
    const form = area.closest("form");
    // Hold the height of the form meanwhile: if the list above grew for a moment, it would no longer be at its end.
    if (form) form.style.minHeight = `${form.offsetHeight}px`;
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight}px`;
    if (form) form.style.minHeight = "";
  }, [text]);

  const send = () => {
    if (text.trim() === "" || left < 0 || !me || muted) return;
    store.send(text.trim());
    setText("");
    // A message ends the typing notice for others, so the next key press sends a new one.
    typedAt.current = 0;
    field.current?.focus();
  };

  const type = (value: string) => {
    setText(value);
    if (value.trim() === "" || Date.now() - typedAt.current < TYPING_INTERVAL_MS) return;
    typedAt.current = Date.now();
    store.typing();
  };

  const insert = (emoji: string) => {
    const area = field.current;
    if (!area) return;
    area.setRangeText(emoji, area.selectionStart, area.selectionEnd, "end");
    type(area.value);
    area.focus();
  };

  return (
    <form
      class="composer"
      onSubmit={event => {
        event.preventDefault();
        send();
      }}
    >
      <EmojiPicker onPick={insert} />
      <textarea
        ref={field}
        rows={1}
        aria-label={t.placeholder}
        title={isTouch() ? t.touchHint : t.hint}
        enterkeyhint={isTouch() ? "enter" : "send"}
        placeholder={t.placeholder}
        value={text}
        onInput={event => type(event.currentTarget.value)}
        onKeyDown={event => {
          // Enter that confirms an input method's composition doesn't send.
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          // Keyboards on a screen have no Shift+Enter: there, Enter breaks the line and the button sends.
          if (isTouch() && !event.ctrlKey && !event.metaKey) return;
          event.preventDefault();
          send();
        }}
      />
      <button
        type="submit"
        class="button primary send"
        aria-label={t.send}
        title={t.send}
        disabled={left < 0 || muted !== undefined}
      >
        <span class="icon icon-send" aria-hidden="true" />
      </button>
      {muted && (
        <p class="composer-limit problem" role="status">
          {t.mutedUntil(muted.until && formatMessageTime(muted.until), muted.reason)}
        </p>
      )}
      {left < WARN_BELOW && (
        <p class={left < 0 ? "composer-limit problem" : "composer-limit"} role="status">
          {left < 0 ? t.tooLong(-left) : t.left(left)}
        </p>
      )}
    </form>
  );
}
