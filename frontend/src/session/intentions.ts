import type { RoomView } from "../contract/generated";
import type { QueuedChange } from "../state/chat/message-changes";
import type { QueuedMessage } from "../state/chat/model";
import type { WorklogLine } from "../state/cloud/model";
import type { Action } from "../state/page";
import type { Registration } from "./identity";

/** What a user does, as any tab sends it to the leading one. */
export type Intention =
  /** This tab has registered a name. */
  | { readonly kind: "signIn"; readonly registration: Registration }
  /** This tab is going to revoke the token and to register another name. */
  | { readonly kind: "signOut"; readonly token: string }
  | { readonly kind: "leave" }
  | { readonly kind: "send"; readonly item: QueuedMessage }
  | { readonly kind: "change"; readonly item: QueuedChange }
  | { readonly kind: "retry"; readonly clientId: string }
  | { readonly kind: "discard"; readonly clientId: string }
  | { readonly kind: "typing"; readonly room: string }
  /** The user looks at a room. */
  | { readonly kind: "openRoom"; readonly room: string }
  | { readonly kind: "roomViews"; readonly rooms: readonly RoomView[] }
  | { readonly kind: "read"; readonly room: string; readonly seq: number }
  | { readonly kind: "moreUsers" }
  /** The server rejected a command of this tab. */
  | { readonly kind: "logRefusal"; readonly line: WorklogLine }
  | { readonly kind: "dismissFailures"; readonly keys: readonly string[] }
  | { readonly kind: "reconnect" }
  /** The device or the tab may have slept. */
  | { readonly kind: "wake" }
  /** The clock of this device was set. */
  | { readonly kind: "clockSet" }
  /** The device has lost its network. */
  | { readonly kind: "goOffline" };

/** The change of the page's state that an intention leads to, whatever the server responds; undefined if none. */
export function predict(intention: Intention): Action | undefined {
  switch (intention.kind) {
    case "signIn":
      return { store: "chat", event: { kind: "signedIn", ...intention.registration } };
    case "signOut":
      return { store: "chat", event: { kind: "signedOut", reason: "left" } };
    case "send":
      return { store: "chat", event: { kind: "queued", item: intention.item } };
    case "change":
      return { store: "chat", event: { kind: "changed", item: intention.item } };
    case "retry":
      return { store: "chat", event: { kind: "requeued", clientId: intention.clientId } };
    case "discard":
      return { store: "chat", event: { kind: "discarded", clientId: intention.clientId } };
    case "openRoom":
      return { store: "chat", event: { kind: "opened", room: intention.room } };
    case "roomViews":
    case "read":
      return { store: "chat", event: intention };
    case "logRefusal":
      return { store: "cloud", event: { kind: "refused", line: intention.line } };
    case "dismissFailures":
      return { store: "cloud", event: { kind: "dismissed", keys: intention.keys } };
    case "leave":
    case "typing":
    case "moreUsers":
    case "reconnect":
    case "wake":
    case "clockSet":
    case "goOffline":
      return undefined;
    default:
      return intention satisfies never;
  }
}
