import { useId, useState } from "preact/hooks";
import { ApiError } from "../../api/errors";
import {
  type ErrorCode,
  INVITATION_SECONDS,
  type NewInvitationLink,
  type Role,
} from "../../contract/generated";
import { formatMessageTime } from "../../text/format";
import { isBlank } from "../../text/typed";
import { useApp } from "../app-context";
import { Dialog } from "../dialog";
import { dictionary } from "../settings/preferences";
import { LinkBox } from "./link-box";
import { peopleDictionary } from "./people-dictionary";
import { absoluteLink } from "./people-state";

const DAY = 86_400;
const LIFETIMES: readonly number[] = [DAY, INVITATION_SECONDS, 30 * DAY];
const ROLES: readonly Role[] = ["member", "viewer", "operator", "admin"];

interface InviteDialogProps {
  readonly onMade: () => void;
  readonly onClose: () => void;
}

/** Asks for a name and a role, and shows the link. */
export function InviteDialog({ onMade, onClose }: InviteDialogProps) {
  const { backend, store } = useApp();
  const t = peopleDictionary.value;
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("operator");
  const [seconds, setSeconds] = useState<number>(INVITATION_SECONDS);
  const [made, setMade] = useState<NewInvitationLink>();
  const [problem, setProblem] = useState<ErrorCode | "unreachable">();
  const [busy, setBusy] = useState(false);
  const [hintId, problemId] = [useId(), useId()];

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy || isBlank(name)) return;
    setBusy(true);
    setProblem(undefined);
    try {
      setMade(await (await backend.people()).invite({ name, role, seconds }, store.token));
      onMade();
    } catch (error) {
      setProblem(error instanceof ApiError ? error.code : "unreachable");
    } finally {
      setBusy(false);
    }
  };

  if (made)
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
  return (
    <Dialog title={t.inviteTitle} onClose={onClose}>
      <form class="form" noValidate onSubmit={submit}>
        <label class="field">
          <span>{t.nickname}</span>
          <input
            autoFocus
            dir="auto"
            autocomplete="off"
            maxLength={256}
            value={name}
            aria-describedby={`${hintId} ${problemId}`}
            aria-invalid={problem !== undefined}
            onInput={event => setName(event.currentTarget.value)}
          />
        </label>
        <p id={hintId} class="hint">
          {t.nicknameHint}
        </p>
        <label class="field">
          <span>{t.role}</span>
          <select value={role} onChange={event => setRole(event.currentTarget.value as Role)}>
            {ROLES.map(one => (
              <option key={one} value={one}>
                {t.roles[one]}
              </option>
            ))}
          </select>
        </label>
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
        <p id={problemId} class="problem" role="alert">
          {problem && dictionary.value.error(problem)}
        </p>
        <div class="dialog-actions">
          <button type="button" class="button quiet" onClick={onClose}>
            {dictionary.value.cancel}
          </button>
          <button type="submit" class="button primary" disabled={busy || isBlank(name)}>
            {t.create}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
