import { signal } from "@preact/signals";
import type { User } from "../../contract/generated";
import type { ShownMessage } from "../../state/chat/model";
import { useApp } from "../app-context";
import { dictionary } from "../preferences";

/** Whom, and which message of theirs, the moderator's dialog is about. */
export interface ModerationTarget {
  readonly user: User;
  readonly message?: ShownMessage;
}

/** Apart from the dialog itself, which is loaded only when it is wanted. */
export const moderationTarget = signal<ModerationTarget | undefined>(undefined);

/** Whether the list of mutes and bans is shown. */
export const restrictionsOpen = signal<true | undefined>(undefined);

// Who may what is not known before the server says it; until then nobody is taken for an admin.
const useMayModerate = (): boolean => useApp().store.access.view.value?.may.includes("moderate") ?? false;

/** For admins: all mutes and bans. */
export function RestrictionsButton() {
  if (!useMayModerate()) return null;
  const t = dictionary.value.chat;
  return (
    <button
      type="button"
      class="link-button leave"
      aria-label={t.restrictions}
      onClick={() => {
        restrictionsOpen.value = true;
      }}
    >
      <span class="leave-long">{t.restrictions}</span>
      <span class="leave-short">{t.restrictionsShort}</span>
    </button>
  );
}

/** For admins: what can be done about a person or a message of theirs. */
export function ModerateButton({ user, message }: ModerationTarget) {
  if (!useMayModerate()) return null;
  const label = dictionary.value.chat.moderate(user.name);
  return (
    <button
      type="button"
      class="moderate"
      aria-label={label}
      title={label}
      onClick={() => {
        moderationTarget.value = message ? { user, message } : { user };
      }}
    >
      ⋯
    </button>
  );
}
