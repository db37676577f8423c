import type { CloudState } from "../model";

/** What was missed can't be told: the list that follows replaces this one. The Worklog stays as it is. */
export const onReset = (state: CloudState): CloudState => ({ ...state, loaded: false });
