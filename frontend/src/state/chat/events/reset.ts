import type { ResetFrame } from "../../../contract/generated";
import type { ChatState } from "../model";

/** What was missed can't be told, so what is held may have a gap: begin anew from `seq`. */
export const onReset = (state: ChatState, { seq }: ResetFrame): ChatState => ({
  ...state,
  messages: [],
  loaded: false,
  hasOlder: true,
  resumeFrom: seq,
});
