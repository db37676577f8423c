import { useSignal } from "@preact/signals";
import { useCallback, useId } from "preact/hooks";
import { labelOf } from "../../../i18n/label";
import { NEW_INSTANCE } from "../../../session/command-sender";
import type { Providers } from "../../../state/cloud/server-status";
import { useApp } from "../../app-context";
import { FormDialog } from "../../form-dialog";
import { dictionary } from "../../settings/preferences";
import { useServerActions } from "../servers/server-actions";
import { serversDictionary } from "../servers/servers-dictionary";
import { adoptingProviders } from "../servers/use-providers";
import { isServerName } from "./labels";
import { ServerFields, useServerFields } from "./server-fields";
import { useLoaded } from "./use-loaded";

interface ResourceListProps {
  readonly provider: string;
  readonly value: string;
  readonly onChange: (resource: string, name: string) => void;
}

function ResourceList({ provider, value, onChange }: ResourceListProps) {
  const { backend, store } = useApp();
  const load = useCallback(
    async () => (await backend.servers()).adoptable(provider, store.token),
    [backend, store, provider],
  );
  const { value: found, failed, again } = useLoaded(load);
  const group = useId();
  const words = serversDictionary.value;
  const t = words.dialogs;
  if (failed)
    return (
      <p class="problem" role="alert">
        {dictionary.value.error("unreachable")}{" "}
        <button type="button" class="link-button" onClick={again}>
          {words.again}
        </button>
      </p>
    );
  if (!found) return <p class="hint">{t.loading}</p>;
  if (found.resources.length === 0) return <p class="hint">{t.nothingToAdopt}</p>;
  return (
    <fieldset class="resources">
      <legend>{t.adoptable}</legend>
      {found.resources.map(({ resource, name, description, state }) => (
        <label key={resource} class="resource">
          <input
            type="radio"
            name={group}
            checked={value === resource}
            onChange={() => onChange(resource, name)}
          />
          <span class="dot" data-state={state} aria-hidden="true" />
          <span class="break">
            <strong>{name}</strong> <span class="hint">{description}</span>
          </span>
          <span class="hint">{labelOf(dictionary.value.cloud.states, state)}</span>
        </label>
      ))}
      {found.more && <p class="hint">{t.moreToAdopt}</p>}
    </fieldset>
  );
}

interface AdoptDialogProps {
  readonly providers: Providers;
  readonly onClose: () => void;
}

/** Take in a server that a provider runs already. */
export function AdoptDialog({ providers, onClose }: AdoptDialogProps) {
  const { commandSender } = useApp().store;
  const actions = useServerActions();
  const choices = adoptingProviders(providers);
  const fields = useServerFields({ name: "", labels: {} });
  const provider = useSignal(choices[0]?.name ?? "");
  const resource = useSignal("");
  const id = useId();
  const t = serversDictionary.value.dialogs;
  const submit = async () => {
    const checked = fields.check();
    if (!checked || !resource.value) return;
    try {
      await actions.adopt({
        ...{ provider: provider.value, resource: resource.value },
        ...(checked.name ? { name: checked.name } : {}),
        ...(Object.keys(checked.labels).length > 0 ? { labels: { ...checked.labels } } : {}),
      });
      onClose();
    } catch (error) {
      fields.refuse(error);
    }
  };
  const choose = (chosen: string, name: string) => {
    const suggested = name.toLowerCase().replace(/[^a-z0-9-]+/g, "-");
    resource.value = chosen;
    fields.name.value = isServerName(suggested) ? suggested : "";
    fields.nameProblem.value = "";
  };
  return (
    <FormDialog
      title={t.adoptTitle}
      confirm={t.adoptConfirm}
      isBusy={commandSender.busy.value.has(NEW_INSTANCE) || !resource.value}
      problem={fields.problem.value}
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      <p class="hint">{t.adoptText}</p>
      {choices.length > 1 && (
        <div class="field">
          <label for={id}>{t.provider}</label>
          <select
            id={id}
            value={provider.value}
            onChange={event => {
              provider.value = event.currentTarget.value;
              resource.value = "";
            }}
          >
            {choices.map(({ name, host }) => (
              <option key={name} value={name}>
                {host ? `${name} · ${host}` : name}
              </option>
            ))}
          </select>
        </div>
      )}
      <ResourceList provider={provider.value} value={resource.value} onChange={choose} />
      <ServerFields fields={fields} nameHint={t.nameHint} />
    </FormDialog>
  );
}
