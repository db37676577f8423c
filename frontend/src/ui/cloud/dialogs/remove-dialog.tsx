import { useApp } from "../../app-context";
import { Dialog } from "../../dialog";
import { dictionary } from "../../settings/preferences";
import { useServerActions } from "../servers/server-actions";
import { serversDictionary } from "../servers/servers-dictionary";

/** How many names are listed. */
const NAMES_MAX = 8;

interface RemoveDialogProps {
  readonly ids: readonly string[];
  readonly onClose: () => void;
}

export function RemoveDialog({ ids, onClose }: RemoveDialogProps) {
  const { cloud, commandSender } = useApp().store;
  const actions = useServerActions();
  const t = serversDictionary.value.dialogs;
  const servers = ids.flatMap(id => cloud.value.instances.get(id) ?? []);
  const isLost = servers.length > 0 && servers.every(one => one.condition === "lost");
  const rest = servers.length - NAMES_MAX;
  const confirm = () => {
    onClose();
    const [only = ""] = ids;
    if (ids.length === 1) void commandSender.run("remove", only);
    else void actions.runMany("remove", ids);
  };
  return (
    <Dialog title={t.removeTitle(ids.length)} onClose={onClose}>
      <ul class="removed-names">
        {servers.slice(0, NAMES_MAX).map(({ id, name }) => (
          <li key={id}>
            <strong class="break">{name}</strong> <code class="short-id break">{id}</code>
          </li>
        ))}
        {rest > 0 && <li>{t.andMore(rest)}</li>}
      </ul>
      <p>{isLost ? t.forgetText : t.removeText}</p>
      <div class="dialog-actions">
        {/* The safe choice comes first and gets the focus. */}
        <button type="button" class="button quiet" onClick={onClose}>
          {dictionary.value.cancel}
        </button>
        <button type="button" class="button danger solid" onClick={confirm}>
          {t.removeConfirm}
        </button>
      </div>
    </Dialog>
  );
}
