import { useState } from "preact/hooks";
import { useApp } from "../app-context";
import { Dialog } from "../dialog";
import { Sentence } from "../sentence";
import { dictionary } from "../settings/preferences";
import { peopleDictionary } from "./people-dictionary";
import { deviceDialog } from "./people-state";
import { canSignInAgain, useSession } from "./use-session";

interface SignOutDialogProps {
  readonly scope: "here" | "everywhere";
  readonly onClose: () => void;
}

/** Says what signing out means before it is done, and offers to take the name to another device. */
export function SignOutDialog({ scope, onClose }: SignOutDialogProps) {
  const { store } = useApp();
  const t = peopleDictionary.value;
  const [name] = useState(() => store.chat.peek().me?.name ?? "");
  const session = useSession();
  const canReturn = session !== undefined && canSignInAgain(session);
  const title = scope === "here" ? t.signOutHere : canReturn ? t.signOutEverywhere : t.giveUp;
  const text =
    scope === "here"
      ? session?.credential === "invitation"
        ? t.onlyInvited
        : t.onlyDevice(name)
      : canReturn
        ? t.everywhereText
        : t.giveUpText(name);
  const confirm = () => {
    onClose();
    if (scope === "here") void store.signOutHere();
    else store.leave();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <p>
        <Sentence text={text} />
      </p>
      <div class="dialog-actions">
        <button type="button" class="button quiet" onClick={onClose}>
          {dictionary.value.cancel}
        </button>
        {scope === "here" && (
          <button
            type="button"
            class="button"
            onClick={() => {
              deviceDialog.value = "link";
            }}
          >
            {t.device}
          </button>
        )}
        <button type="button" class="button danger solid" onClick={confirm}>
          {title}
        </button>
      </div>
    </Dialog>
  );
}
