import type { Action, PageState } from "../state/page";
import type { SharedStore } from "./shared-store";

/** The shared state of the page, as connections use it: they read it, and dispatch what the server sends. */
export type PageStore = Pick<SharedStore<PageState, Action, never>, "state" | "dispatch" | "isLeader">;
