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

/** For admins: what can be done about a person or a message of theirs. */
export function ModerateButton({ user, message }: Concerned) {
  const { session } = useLive();
  // Who may what is not known before the server says it; until then nobody is taken for an admin.
  if (!session.access.view.value?.may.includes("moderate")) return null;
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
