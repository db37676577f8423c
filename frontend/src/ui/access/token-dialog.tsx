import { useId, useState } from "preact/hooks";
import { ApiError } from "../../api/errors";
import type { ErrorCode } from "../../contract/generated";
import { useApp } from "../app-context";
import { Dialog } from "../dialog";
import { dictionary } from "../settings/preferences";

/** The dialog to sign in with a static token. */
export default function TokenDialog({ onClose }: { readonly onClose: () => void }) {
  const { store } = useApp();
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState<ErrorCode | "unreachable">();
  const [busy, setBusy] = useState(false);
  const [hintId, problemId] = [useId(), useId()];
  const t = dictionary.value.access;

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    try {
      await store.signIn(token.trim());
      onClose();
    } catch (error) {
      setProblem(error instanceof ApiError ? error.code : "unreachable");
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog title={t.tokenTitle} onClose={onClose}>
      <form class="form" onSubmit={submit} noValidate>
        <label class="field">
          <span>{t.tokenLabel}</span>
          <input
            type="password"
            autoFocus
            autocomplete="off"
            spellcheck={false}
            value={token}
            aria-describedby={`${hintId} ${problemId}`}
            aria-invalid={problem !== undefined}
            onInput={event => setToken(event.currentTarget.value)}
          />
        </label>
        <p id={hintId} class="hint">
          {t.tokenHint}
        </p>
        <p id={problemId} class="problem" role="alert">
          {problem === "token_invalid" ? t.tokenInvalid : problem ? dictionary.value.error(problem) : ""}
        </p>
        <div class="dialog-actions">
          <button type="button" class="button quiet" onClick={onClose}>
            {dictionary.value.cancel}
          </button>
          <button type="submit" class="button primary" disabled={busy || token.trim() === ""}>
            {t.signIn}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
