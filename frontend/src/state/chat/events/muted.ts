import type { MutedFrame } from "../../../contract/generated";
import type { ChatState } from "../model";

/** We were muted. */
export const onMuted = (state: ChatState, { type: _type, ...muted }: MutedFrame): ChatState => ({
  ...state,
  muted,
});

/** We were unmuted. */
export const onUnmuted = (state: ChatState): ChatState => ({ ...state, muted: undefined });
