import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { InstancePatch } from "../../../contract/generated";
import { useApp } from "../../app-context";
import { FormDialog } from "../../form-dialog";
import { useServerActions } from "../servers/server-actions";
import { serversDictionary } from "../servers/servers-dictionary";
import { labelChanges } from "./labels";
import { ServerFields, useServerFields } from "./server-fields";

interface EditDialogProps {
  readonly id: string;
  readonly onClose: () => void;
}

/** Change the name, the labels or the protection of a server; only what was changed is sent. */
export function EditDialog({ id, onClose }: EditDialogProps) {
  const { cloud, commandSender } = useApp().store;
  const actions = useServerActions();
  const instance = cloud.value.instances.get(id);
  const before = useSignal(instance).value;
  const fields = useServerFields({ name: before?.name ?? "", labels: before?.labels ?? {} });
  const isProtected = useSignal(before?.protected ?? false);
  const t = serversDictionary.value.dialogs;
  const isGone = instance === undefined;
  useEffect(() => {
    if (isGone) onClose();
  }, [isGone, onClose]);
  if (!before) return null;

  const submit = async () => {
    const checked = fields.check();
    if (!checked) return;
    const labels = labelChanges(before.labels, checked.labels);
    const patch: InstancePatch = {
      ...(checked.name && checked.name !== before.name ? { name: checked.name } : {}),
      ...(labels ? { labels } : {}),
      ...(isProtected.value === before.protected ? {} : { protected: isProtected.value }),
    };
    try {
      if (Object.keys(patch).length > 0) await actions.change(id, patch);
      onClose();
    } catch (error) {
      fields.refuse(error);
    }
  };
  return (
    <FormDialog
      title={t.editTitle(before.name)}
      confirm={t.save}
      isBusy={commandSender.busy.value.has(id)}
      problem={fields.problem.value}
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      <ServerFields fields={fields} />
      <label class="check">
        <input
          type="checkbox"
          checked={isProtected.value}
          onChange={event => {
            isProtected.value = event.currentTarget.checked;
          }}
        />
        {t.protect}
      </label>
    </FormDialog>
  );
}
