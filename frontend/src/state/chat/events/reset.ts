import type { ResetFrame } from "../../../contract/generated";
import type { ChatState } from "../model";

/** The server can't replay the missed events: drop all messages and continue from `seq`. */
export const onReset = (state: ChatState, { seq }: ResetFrame): ChatState => ({
  ...state,
  messages: [],
  loaded: false,
  hasOlder: true,
  resumeFrom: seq,
});
