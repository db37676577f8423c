import { useState } from "preact/hooks";
import type { NewBotToken, Role } from "../../contract/generated";
import { useApp } from "../app-context";
import { CopyBox } from "../copy-box";
import { Dialog } from "../dialog";
import { NameAndRoleDialog, ROLES } from "./name-and-role-dialog";
import { peopleDictionary } from "./people-dictionary";

/** The roles up to one. In open mode, where nobody has a role, the server decides. */
const upTo = (role: Role | undefined): readonly Role[] =>
  role === undefined ? ROLES : ROLES.slice(0, ROLES.indexOf(role) + 1);

function Made({ made, onClose }: { readonly made: NewBotToken; readonly onClose: () => void }) {
  const t = peopleDictionary.value;
  return (
    <Dialog title={t.botReady(made.user.name)} onClose={onClose}>
      <p>{t.botReadyHint}</p>
      <CopyBox label={t.token} text={made.token} copyLabel={t.copyToken} />
      <p class="hint">
        <a href="docs/bots/" target="_blank" rel="noreferrer">
          {t.botHelp}
        </a>
      </p>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>
          {t.done}
        </button>
      </div>
    </Dialog>
  );
}

interface BotDialogProps {
  readonly onMade: () => void;
  readonly onClose: () => void;
}

/** Asks for a name and a role, and shows the token, once. */
export function BotDialog({ onMade, onClose }: BotDialogProps) {
  const { backend, store } = useApp();
  const t = peopleDictionary.value;
  const [made, setMade] = useState<NewBotToken>();
  if (made) return <Made made={made} onClose={onClose} />;
  return (
    <NameAndRoleDialog
      title={t.newBot}
      hint={t.botHint}
      confirm={t.createBot}
      roles={upTo(store.access.view.value?.role)}
      initialRole="member"
      make={async bot => {
        setMade(await (await backend.people()).createBot(bot, store.token));
        onMade();
      }}
      onClose={onClose}
    />
  );
}
