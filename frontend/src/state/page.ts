import type { SessionView } from "../contract/generated";
import { mergeOlder, withLast } from "./chat/messages";
import { type ChatEvent, type ChatState, EMPTY_CHAT } from "./chat/model";
import { reduceChat } from "./chat/reducer";
import { type CloudState, type CloudStateEvent, EMPTY_CLOUD } from "./cloud/model";
import { reduceCloud } from "./cloud/reducer";

/** The state that all tabs of a server share. */
export interface PageState {
  readonly chat: ChatState;
  readonly cloud: CloudState;
  /** The user's identity and permissions according to the server; undefined until it has responded. */
  readonly view?: SessionView | undefined;
  /** The server's clock minus this device's, in milliseconds; 0 until it is known. */
  readonly clockOffset: number;
}

/** A change of the page's state. */
export type Action =
  | { readonly store: "chat"; readonly event: ChatEvent }
  | { readonly store: "cloud"; readonly event: CloudStateEvent }
  | { readonly store: "access"; readonly view: SessionView; readonly clockOffset?: number | undefined };

export const EMPTY_PAGE: PageState = { chat: EMPTY_CHAT, cloud: EMPTY_CLOUD, clockOffset: 0 };

/** The number of messages of each room in a snapshot; a tab loads older ones when the user scrolls up. */
const SNAPSHOT_MESSAGES = 500;

/** The reducer of the page. Pure and idempotent: applying an action twice has the same result. */
export function reducePage(state: PageState, action: Action): PageState {
  switch (action.store) {
    case "chat": {
      const next = { ...state, chat: reduceChat(state.chat, action.event) };
      return action.event.kind === "signedOut" ? withView(next, anonymous(state.view)) : next;
    }
    case "cloud":
      return { ...state, cloud: reduceCloud(state.cloud, action.event) };
    case "access":
      return { ...withView(state, action.view), clockOffset: action.clockOffset ?? state.clockOffset };
  }
}

/** The part of the state that a new tab gets. */
export function snapshotOf(state: PageState): PageState {
  const { chat } = state;
  const conversations = [...chat.conversations].map(([room, conversation]) => {
    const isLarge = conversation.messages.length > SNAPSHOT_MESSAGES;
    return [room, isLarge ? withLast(conversation, SNAPSHOT_MESSAGES) : conversation] as const;
  });
  return { ...state, chat: { ...chat, arrived: [], conversations: new Map(conversations) } };
}

/** The state of a snapshot, with the older history that only this tab has loaded. */
export const mergeSnapshot = (snapshot: PageState, local: PageState): PageState => ({
  ...snapshot,
  chat: mergeOlder(snapshot.chat, local.chat),
});

/** The permissions after signing out, without waiting for the server. */
function anonymous(view: SessionView | undefined): SessionView | undefined {
  if (!view || view.mode === "open") return view;
  const { mode, guests, signIn } = view;
  return { mode, guests, may: guests ? ["register"] : [], ...(signIn ? { signIn } : {}) };
}

/** Set the permissions, and clear the servers if the user may no longer see them. */
function withView(state: PageState, view: SessionView | undefined): PageState {
  const maySee = view?.may.includes("see_servers") ?? true;
  const { connection, dismissed } = state.cloud;
  const cloud = maySee ? state.cloud : { ...EMPTY_CLOUD, connection, dismissed };
  return { ...state, view, cloud };
}
