import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../../api/errors";
import type { ErrorCode } from "../../contract/generated";
import { newId } from "../../session/ids";
import { useApp } from "../app-context";
import { Dialog } from "../dialog";
import { Sentence } from "../sentence";
import { dictionary } from "../settings/preferences";
import { peopleDictionary } from "./people-dictionary";

interface JoinLinkDialogProps {
  readonly secret: string;
  readonly onClose: () => void;
}

/** Signs in with the link that was opened: at once, or after a question if this browser has a user already. */
export function JoinLinkDialog({ secret, onClose }: JoinLinkDialogProps) {
  const { store } = useApp();
  const t = peopleDictionary.value;
  // After a lost response, the next attempt gets the same token.
  const [key] = useState(() => `${newId()}${newId()}`);
  const [before] = useState(() => store.chat.peek().me);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ErrorCode | "unreachable">();

  const join = async () => {
    if (busy) return;
    setBusy(true);
    setProblem(undefined);
    try {
      await store.useLink(secret, key);
      onClose();
    } catch (error) {
      setProblem(error instanceof ApiError ? error.code : "unreachable");
      setBusy(false);
    }
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the link was opened
  useEffect(() => {
    if (!before) void join();
  }, []);

  return (
    <Dialog title={t.joinTitle} onClose={onClose} isEntry>
      {before && !problem && (
        <p>
          <Sentence text={t.joinAs(before.name)} />
        </p>
      )}
      {busy && <p class="hint">{t.joining}</p>}
      <p class="problem" role="alert">
        {problem && dictionary.value.error(problem)}
      </p>
      <div class="dialog-actions">
        <button type="button" class="button quiet" onClick={onClose}>
          <Sentence text={before ? t.stay(before.name) : t.close} />
        </button>
        {problem !== "link_invalid" && (
          <button type="button" class="button primary" aria-disabled={busy} onClick={() => void join()}>
            {problem ? t.again : t.join}
          </button>
        )}
      </div>
    </Dialog>
  );
}
