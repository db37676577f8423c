import { computed, type ReadonlySignal } from "@preact/signals";
import type { Action, PageState } from "../state/page";
import type { SharedStore } from "./shared-store";

/** The shared state of the page, as connections use it: they read it, and dispatch what the server sends. */
export type PageStore = Pick<SharedStore<PageState, Action, never>, "state" | "dispatch" | "isLeader">;

/** The parts of the page's state as signals; each changes only if its part does. */
export const signalsOf = (state: ReadonlySignal<PageState>) => ({
  chat: computed(() => state.value.chat),
  cloud: computed(() => state.value.cloud),
  view: computed(() => state.value.view),
  clockOffset: computed(() => state.value.clockOffset),
  typing: computed(() => state.value.chat.typing),
});
