import type { TypingNotice } from "../../../contract/generated";
import { type ChatState, TYPING_MS } from "../model";

/** A user is typing. Our own notices, from another window, are ignored. */
export function onTyping(state: ChatState, { user }: TypingNotice, at: number): ChatState {
  if (user.id === state.me?.id) return state;
  const others = state.typing.filter(one => one.user.id !== user.id);
  return { ...state, typing: [...others, { user, until: at + TYPING_MS }] };
}
