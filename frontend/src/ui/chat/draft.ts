import { isText } from "../../session/stored";
import { tabStore } from "../settings/preferences";

/** What a user has written and not sent, in this tab. It belongs to that user. */
export interface Draft {
  readonly read: () => string;
  readonly write: (text: string) => void;
}

/** The draft of the user called `name` at a server. */
export function draftOf(scope: string, name: string): Draft {
  const key = `draft.${scope}.${name}`;
  return {
    read: () => tabStore.get(key, isText) ?? "",
    write: text => (text ? tabStore.set(key, text) : tabStore.remove(key)),
  };
}
