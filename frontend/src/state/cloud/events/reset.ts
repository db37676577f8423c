import type { CloudState } from "../model";

/** The server can't replay the missed events: a new list follows. The Worklog stays. */
export const onReset = (state: CloudState): CloudState => ({ ...state, loaded: false });
