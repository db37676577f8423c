import { useId, useState } from "preact/hooks";
import { ApiError } from "../../api/errors";
import type { ErrorCode, NewBotToken, Role } from "../../contract/generated";
import { isBlank } from "../../text/typed";
import { useApp } from "../app-context";
import { CopyButton } from "../copy-button";
import { Dialog } from "../dialog";
import { dictionary } from "../settings/preferences";
import { peopleDictionary } from "./people-dictionary";

const ROLES: readonly Role[] = ["member", "viewer", "operator", "admin"];

/** The roles up to one. In open mode, where nobody has a role, the server decides. */
const upTo = (role: Role | undefined): readonly Role[] =>
  role === undefined ? ROLES : ROLES.slice(0, ROLES.indexOf(role) + 1);

function Made({ made, onClose }: { readonly made: NewBotToken; readonly onClose: () => void }) {
  const t = peopleDictionary.value;
  const id = useId();
  return (
    <Dialog title={t.botReady(made.user.name)} onClose={onClose}>
      <p>{t.botReadyHint}</p>
      <div class="link-box">
        <label class="visually-hidden" for={id}>
          {t.token}
        </label>
        <input
          id={id}
          readOnly
          value={made.token}
          dir="ltr"
          onFocus={event => event.currentTarget.select()}
        />
        <CopyButton class="button primary" text={() => made.token} label={t.copyToken}>
          {t.copyToken}
        </CopyButton>
      </div>
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
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("member");
  const [made, setMade] = useState<NewBotToken>();
  const [problem, setProblem] = useState<ErrorCode | "unreachable">();
  const [busy, setBusy] = useState(false);
  const [hintId, problemId] = [useId(), useId()];

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy || isBlank(name)) return;
    setBusy(true);
    setProblem(undefined);
    try {
      setMade(await (await backend.people()).createBot({ name, role }, store.token));
      onMade();
    } catch (error) {
      setProblem(error instanceof ApiError ? error.code : "unreachable");
    } finally {
      setBusy(false);
    }
  };

  if (made) return <Made made={made} onClose={onClose} />;
  return (
    <Dialog title={t.newBot} onClose={onClose}>
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
          {t.botHint}
        </p>
        <label class="field">
          <span>{t.role}</span>
          <select value={role} onChange={event => setRole(event.currentTarget.value as Role)}>
            {upTo(store.access.view.value?.role).map(one => (
              <option key={one} value={one}>
                {t.roles[one]}
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
            {t.createBot}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
