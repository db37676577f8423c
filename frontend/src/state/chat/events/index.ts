import type { ServerFrame } from "../../../contract/generated";
import type { ChatState } from "../model";
import { onAck } from "./ack";
import { onError } from "./error";
import { onJoined } from "./joined";
import { onLeft } from "./left";
import { onMessage } from "./message";
import { onMuted, onUnmuted } from "./muted";
import { onRemoved } from "./removed";
import { onReset } from "./reset";
import { onTyping } from "./typing";
import { onWelcome } from "./welcome";

type FrameOf<T extends ServerFrame["type"]> = Extract<ServerFrame, { type: T }>;

/** The reducer of each type of frame; the compiler reports a type that has none. */
const FRAME_REDUCERS = {
  welcome: onWelcome,
  message: onMessage,
  removed: onRemoved,
  muted: onMuted,
  unmuted: onUnmuted,
  joined: onJoined,
  left: onLeft,
  typing: onTyping,
  ack: onAck,
  error: onError,
  reset: onReset,
} satisfies { [T in ServerFrame["type"]]: (state: ChatState, frame: FrameOf<T>, at: number) => ChatState };

/** Apply a frame of the server, received at `at` (ms). Frames of newer servers that this page doesn't know are ignored. */
export function onFrame(state: ChatState, frame: ServerFrame, at: number): ChatState {
  if (!Object.hasOwn(FRAME_REDUCERS, frame.type)) return state;
  // The table's type guarantees that the reducer takes this frame, which the compiler can't infer for a union.
  const reduce = FRAME_REDUCERS[frame.type] as (
    state: ChatState,
    frame: ServerFrame,
    at: number,
  ) => ChatState;
  return reduce(state, frame, at);
}
