import { useSignal } from "@preact/signals";
import { useCallback, useId } from "preact/hooks";
import { type ProviderTemplate, SIMULATED } from "../../../contract/generated";
import type { ServersDictionary } from "../../../i18n/servers.en";
import { NEW_INSTANCE } from "../../../session/command-sender";
import { useApp } from "../../app-context";
import { FormDialog } from "../../form-dialog";
import { dictionary } from "../../settings/preferences";
import { useServerActions } from "../servers/server-actions";
import { serversDictionary } from "../servers/servers-dictionary";
import { ServerFields, useServerFields } from "./server-fields";
import { useLoaded } from "./use-loaded";

/** What a template gives: its description, or image, and its limits. */
export function describeTemplate(t: ServersDictionary, template: ProviderTemplate | undefined): string {
  if (!template) return "";
  const { description, image, memory, cpus } = template;
  return [description, image, memory && t.bytes(memory), cpus && t.panel.cores(cpus)]
    .filter(Boolean)
    .join(" · ");
}

const refOf = ({ provider, name }: ProviderTemplate): string => `${provider}/${name}`;

interface TemplateFieldProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function TemplateField({ value, onChange }: TemplateFieldProps) {
  const { backend, store } = useApp();
  const load = useCallback(
    async () => (await backend.servers()).templates(store.access.readToken()),
    [backend, store],
  );
  const { value: templates, failed, again } = useLoaded(load);
  const id = useId();
  const words = serversDictionary.value;
  const t = words.dialogs;
  const real = (templates ?? []).filter(one => one.provider !== SIMULATED);
  const chosen = real.find(one => refOf(one) === value);
  return (
    <div class="field">
      <label for={id}>{t.template}</label>
      <select
        id={id}
        value={value}
        aria-describedby={`${id}-hint`}
        onChange={event => onChange(event.currentTarget.value)}
      >
        <option value="">{t.simulatedTemplate}</option>
        {real.map(one => (
          <option key={refOf(one)} value={refOf(one)}>
            {one.name} · {one.provider}
          </option>
        ))}
      </select>
      <p class="hint" id={`${id}-hint`}>
        {failed ? (
          <>
            {t.templatesFailed}{" "}
            <button type="button" class="link-button" onClick={again}>
              {words.again}
            </button>
          </>
        ) : templates ? (
          chosen ? (
            describeTemplate(words, chosen)
          ) : (
            words.simulatedHint
          )
        ) : (
          t.loadingTemplates
        )}
      </p>
    </div>
  );
}

/** Create a server. Everything is optional: confirming at once creates a simulated one. */
export function CreateDialog({ onClose }: { readonly onClose: () => void }) {
  const { commandSender } = useApp().store;
  const actions = useServerActions();
  const fields = useServerFields({ name: "", labels: {} });
  const template = useSignal("");
  const t = serversDictionary.value.dialogs;
  const isBusy = commandSender.busy.value.has(NEW_INSTANCE);
  const submit = async (start: boolean) => {
    const checked = fields.check();
    if (!checked) return;
    try {
      await actions.create({
        start,
        ...(checked.name ? { name: checked.name } : {}),
        ...(template.value ? { template: template.value } : {}),
        ...(Object.keys(checked.labels).length > 0 ? { labels: { ...checked.labels } } : {}),
      });
      onClose();
    } catch (error) {
      fields.refuse(error);
    }
  };
  return (
    <FormDialog
      title={t.createTitle}
      confirm={t.createConfirm}
      isBusy={isBusy}
      problem={fields.problem.value}
      other={{ label: t.createAndStart, onSubmit: () => void submit(true) }}
      onSubmit={() => void submit(false)}
      onClose={onClose}
    >
      <ServerFields fields={fields} nameHint={t.nameHint} />
      <TemplateField
        value={template.value}
        onChange={value => {
          template.value = value;
        }}
      />
      {isBusy && <p class="visually-hidden">{dictionary.value.cloud.pending.create}</p>}
    </FormDialog>
  );
}
