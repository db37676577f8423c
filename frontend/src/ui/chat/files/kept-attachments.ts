import { newId } from "../../../session/ids";
import type { AppContextValue } from "../../app-context";
import { type Attachments, createAttachments } from "./attachments";

/** A field that one writes in: whose, in which room, and in which thread. */
interface Field {
  readonly user: string | undefined;
  readonly room: string;
  readonly thread?: string | undefined;
}

interface Kept extends Field {
  readonly attachments: Attachments;
}

/** What is attached and not sent. Like drafts, it stays while the user is in another room; unlike them, not longer. */
const keptBy = new WeakMap<AppContextValue["store"], Kept[]>();

/** The attachments of a field: those that are still there, or none yet. Those of other users are dropped. */
export function attachmentsOf({ store, backend }: AppContextValue, field: Field): Attachments {
  const { user, room, thread } = field;
  const all = keptBy.get(store) ?? [];
  for (const one of all) if (one.user !== user) one.attachments.take();
  const own = all.filter(one => one.user === user);
  const known = own.find(one => one.room === room && one.thread === thread);
  const kept = known ?? {
    ...field,
    attachments: createAttachments({ backend, room, token: () => store.chat.peek().token, newId }),
  };
  keptBy.set(store, known ? own : [...own, kept]);
  return kept.attachments;
}
