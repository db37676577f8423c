import type { MutedFrame } from "../../../contract/generated";
import type { ChatState } from "../model";

/** We may not speak from now on. */
export const onMuted = (state: ChatState, { type: _type, ...muted }: MutedFrame): ChatState => ({
  ...state,
  muted,
});

/** We may speak again. */
export const onUnmuted = (state: ChatState): ChatState => ({ ...state, muted: undefined });
