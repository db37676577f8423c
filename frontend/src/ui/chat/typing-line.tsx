import { words } from "../preferences";
import { useLive } from "../session-context";

/** Who is typing. Its room is always kept, so that the messages don't jump. */
export function TypingLine() {
  const { typing } = useLive().session.chat.value;
  const names = typing.map(one => one.user.name);
  return <p class="typing-line">{names.length > 0 ? words.value.chat.typing(names) : ""}</p>;
}
