import { signal } from "@preact/signals";
import type { User } from "../../../contract/generated";
import { unmarked } from "../../../i18n/isolate";
import type { ShownMessage } from "../../../state/chat/model";
import { useApp } from "../../app-context";
import { dictionary } from "../../settings/preferences";

/** The user, and optionally the message, that the moderation dialog is about. */
export interface ModerationTarget {
  readonly user: User;
  readonly message?: ShownMessage;
}

/** Not in the dialog's module, because the dialog is loaded on demand. */
export const moderationTarget = signal<ModerationTarget | undefined>(undefined);

/** Whether the list of mutes and bans is open. */
export const restrictionsOpen = signal<true | undefined>(undefined);

// Unlike `Access.may`, false until the permissions are known.
export const useMayModerate = (): boolean =>
  useApp().store.access.view.value?.may.includes("moderate") ?? false;

/** For moderators: opens the list of mutes and bans. */
export function RestrictionsButton() {
  if (!useMayModerate()) return null;
  const t = dictionary.value.chat;
  return (
    <button
      type="button"
      class="link-button restrictions"
      onClick={() => {
        restrictionsOpen.value = true;
      }}
    >
      {t.restrictions}
    </button>
  );
}

/** For moderators: opens the moderation dialog for a user. The menu of a message opens it for a message. */
export function ModerateButton({ user }: { readonly user: User }) {
  if (!useMayModerate()) return null;
  const label = dictionary.value.chat.moderate(user.name);
  return (
    <button
      type="button"
      class="moderate"
      aria-label={unmarked(label)}
      title={label}
      onClick={() => {
        moderationTarget.value = { user };
      }}
    >
      ⋯
    </button>
  );
}
