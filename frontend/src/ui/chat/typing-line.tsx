import { useApp } from "../app-context";
import { Sentence } from "../sentence";
import { dictionary } from "../settings/preferences";

/** Who is typing. Always takes up a line, so that the messages don't move. */
export function TypingLine({ room }: { readonly room: string }) {
  const { typing } = useApp().store.chat.value;
  const names = typing.filter(one => one.room === room).map(one => one.user.name);
  return (
    <p class="typing-line">{names.length > 0 && <Sentence text={dictionary.value.chat.typing(names)} />}</p>
  );
}
