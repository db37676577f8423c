import { useApp } from "../app-context";
import { dictionary } from "../preferences";

/** Who is typing. Its room is always kept, so that the messages don't jump. */
export function TypingLine() {
  const { typing } = useApp().store.chat.value;
  const names = typing.map(one => one.user.name);
  return <p class="typing-line">{names.length > 0 ? dictionary.value.chat.typing(names) : ""}</p>;
}
