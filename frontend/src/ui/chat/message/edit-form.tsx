import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { TEXT_MAX } from "../../../contract/generated";
import type { ShownRow } from "../../../state/chat/message-changes";
import { isBlank, lengthOf } from "../../../text/typed";
import { useApp } from "../../app-context";
import { isComposing } from "../../composition";
import { dictionary } from "../../settings/preferences";
import ComposingTools from "../composing/composing-tools";
import { editing } from "./active-message";
import { messageDictionary } from "./message-dictionary";

/** Give the focus back to where one writes. */
const leave = () => {
  editing.value = undefined;
  document.querySelector<HTMLElement>(".room > .composer textarea")?.focus();
};

/** The text of an own message in a field. Enter saves it, Escape keeps the message as it is. */
export default function EditForm({ message }: { readonly message: ShownRow }) {
  const { store } = useApp();
  const { id, room } = message;
  const [area, setArea] = useState<HTMLTextAreaElement>();
  const field = useRef<HTMLTextAreaElement>(null);
  const t = messageDictionary.value;
  const text = editing.value?.text ?? "";
  const over = lengthOf(text.trim()) - TEXT_MAX;
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    setArea(element);
    element.focus();
    element.setSelectionRange(element.value.length, element.value.length);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight}px`;
  }, [text]);
  const save = () => {
    if (isBlank(text) || over > 0) return;
    if (text.trim() !== message.text) store.change(room, id, { kind: "edit", text: text.trim() });
    leave();
  };
  return (
    <form
      class="composer edit-form"
      onSubmit={event => {
        event.preventDefault();
        save();
      }}
    >
      <textarea
        ref={field}
        rows={1}
        dir="auto"
        aria-label={t.editing}
        value={text}
        onInput={event => {
          editing.value = { id, text: event.currentTarget.value };
        }}
        onKeyDown={event => {
          if (isComposing(event)) return;
          if (event.key === "Escape") leave();
          else if (event.key === "Enter" && !event.shiftKey && !event.repeat) save();
          else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      />
      <div class="composer-tools">
        {area && <ComposingTools area={area} />}
        <button type="button" class="button small" onClick={leave}>
          {dictionary.value.cancel}
        </button>
        <button type="submit" class="button small primary" disabled={isBlank(text) || over > 0}>
          {t.save}
        </button>
      </div>
      {over > 0 && (
        <p class="composer-limit problem" role="status">
          {dictionary.value.chat.tooLong(over)}
        </p>
      )}
    </form>
  );
}
