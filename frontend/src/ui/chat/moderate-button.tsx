import { signal } from "@preact/signals";
import type { User } from "../../contract/generated";
import type { ShownMessage } from "../../state/chat/model";
import { words } from "../preferences";
import { useLive } from "../session-context";

/** Whom, and which message of theirs, the moderator's dialog is about. */
export interface Concerned {
  readonly user: User;
  readonly message?: ShownMessage;
}

/** Apart from the dialog itself, which is loaded only when it is wanted. */
export const concerned = signal<Concerned | undefined>(undefined);

/** Whether the list of mutes and bans is shown. */
export const restrictionsOpen = signal<true | undefined>(undefined);

// Who may what is not known before the server says it; until then nobody is taken for an admin.
const useMayModerate = (): boolean => useLive().session.access.view.value?.may.includes("moderate") ?? false;

/** For admins: all mutes and bans. */
export function RestrictionsButton() {
  if (!useMayModerate()) return null;
  const t = words.value.chat;
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
export function ModerateButton({ user, message }: Concerned) {
  if (!useMayModerate()) return null;
  const label = words.value.chat.moderate(user.name);
  return (
    <button
      type="button"
      class="moderate"
      aria-label={label}
      title={label}
      onClick={() => {
        concerned.value = message ? { user, message } : { user };
      }}
    >
      ⋯
    </button>
  );
}
