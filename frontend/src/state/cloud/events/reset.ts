import type { CloudState } from "../model";

/** The server can't replay the missed events: a new list follows, whose epoch decides about the Worklog. */
export const onReset = (state: CloudState): CloudState => ({ ...state, loaded: false });
