import { useState } from "preact/hooks";
import { INVITATION_SECONDS, type NewInvitationLink } from "../../contract/generated";
import { formatMessageTime } from "../../text/format";
import { useApp } from "../app-context";
import { Dialog } from "../dialog";
import { LinkBox } from "./link-box";
import { NameAndRoleDialog, ROLES } from "./name-and-role-dialog";
import { peopleDictionary } from "./people-dictionary";
import { absoluteLink } from "./people-state";

const DAY = 86_400;
const LIFETIMES: readonly number[] = [DAY, INVITATION_SECONDS, 30 * DAY];

function Made({ made, onClose }: { readonly made: NewInvitationLink; readonly onClose: () => void }) {
  const t = peopleDictionary.value;
  return (
    <Dialog title={t.ready(made.invitation.name)} onClose={onClose}>
      <p>{t.readyHint}</p>
      <LinkBox link={absoluteLink(made.link)} />
      <p class="hint">{t.endsAt(formatMessageTime(made.invitation.until))}</p>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>
          {t.done}
        </button>
      </div>
    </Dialog>
  );
}

interface InviteDialogProps {
  readonly onMade: () => void;
  readonly onClose: () => void;
}

/** Asks for a name and a role, and shows the link. */
export function InviteDialog({ onMade, onClose }: InviteDialogProps) {
  const { backend, store } = useApp();
  const t = peopleDictionary.value;
  const [seconds, setSeconds] = useState<number>(INVITATION_SECONDS);
  const [made, setMade] = useState<NewInvitationLink>();
  if (made) return <Made made={made} onClose={onClose} />;
  return (
    <NameAndRoleDialog
      title={t.inviteTitle}
      hint={t.nicknameHint}
      confirm={t.create}
      roles={ROLES}
      initialRole="operator"
      make={async person => {
        setMade(await (await backend.people()).invite({ ...person, seconds }, store.token));
        onMade();
      }}
      onClose={onClose}
    >
      <label class="field">
        <span>{t.expires}</span>
        <select value={seconds} onChange={event => setSeconds(Number(event.currentTarget.value))}>
          {LIFETIMES.map(one => (
            <option key={one} value={one}>
              {t.days(one / DAY)}
            </option>
          ))}
        </select>
      </label>
    </NameAndRoleDialog>
  );
}
