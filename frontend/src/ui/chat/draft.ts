import { isText } from "../../session/stored";
import { ROOM } from "../../state/chat/model";
import { tabStore } from "../settings/preferences";

/** What a user has written and not sent, in this tab. It belongs to that user. */
export interface Draft {
  readonly read: () => string;
  readonly write: (text: string) => void;
}

/** The draft of the user called `name` for a room at a server. */
export function draftOf(scope: string, name: string, room: string): Draft {
  const key = room === ROOM ? `draft.${scope}.${name}` : `draft.${scope}/${room}.${name}`;
  return {
    read: () => tabStore.get(key, isText) ?? "",
    write: text => (text ? tabStore.set(key, text) : tabStore.remove(key)),
  };
}
