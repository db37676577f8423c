import type { ComponentChildren } from "preact";
import { type Instance, SIMULATED } from "../../../contract/generated";
import { unmarked } from "../../../i18n/isolate";
import type { Providers } from "../../../state/cloud/server-status";
import { formatMessageTime } from "../../../text/format";
import { CopyButton } from "../../copy-button";
import { Sentence } from "../../sentence";
import { dictionary } from "../../settings/preferences";
import { Time } from "../../time";
import { useServerDialogs } from "../dialogs/server-dialogs";
import { formatAge } from "../servers/server-format";
import { labelText } from "../servers/server-order";
import { serversDictionary } from "../servers/servers-dictionary";
import { useMayCommand } from "../use-may-command";

const Fact = ({ name, children }: { readonly name: string; readonly children: ComponentChildren }) => (
  <>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </>
);

interface FactsProps {
  readonly instance: Instance;
  readonly providers: Providers;
  readonly now: number;
}

/** The template, and what it gives, as far as the provider is known. */
function templateText({ provider, template }: Instance, providers: Providers): string | undefined {
  if (template === undefined) return undefined;
  const t = serversDictionary.value;
  const found = providers?.get(provider)?.templates.find(one => one.name === template);
  const { image, memory, cpus } = found ?? {};
  return [template, image, memory && t.bytes(memory), cpus && t.panel.cores(cpus)]
    .filter(Boolean)
    .join(" · ");
}

function providerText({ provider }: Instance, providers: Providers, now: number): string {
  const t = serversDictionary.value;
  if (provider === SIMULATED) return t.simulated;
  const found = providers?.get(provider);
  const name = found?.host ? `${provider} · ${found.host}` : provider;
  if (!providers || found?.connected) return name;
  const age = found?.seenAt && formatAge(t, found.seenAt, now);
  return [name, t.panel.away, age && t.panel.seen(age)].filter(Boolean).join(" · ");
}

export function ServerFacts({ instance, providers, now }: FactsProps) {
  const dialogs = useServerDialogs();
  const mayCommand = useMayCommand();
  const words = serversDictionary.value;
  const t = words.panel;
  const template = templateText(instance, providers);
  const { id, name, labels, address, condition, reason = "", reasonCode, timestamp } = instance;
  return (
    <dl class="facts">
      {template && <Fact name={t.template}>{template}</Fact>}
      {address && (
        <Fact name={t.address}>
          <code class="break">{address}</code>
        </Fact>
      )}
      <Fact name={t.provider}>{providerText(instance, providers, now)}</Fact>
      {condition !== "ok" && (reason || reasonCode) && (
        <Fact name={t.reason}>
          <span class="problem">
            <Sentence text={dictionary.value.failure(reasonCode, reason)} />
          </span>
        </Fact>
      )}
      <Fact name={t.since}>
        <Time at={timestamp} format={formatMessageTime} />
      </Fact>
      <Fact name={t.labels}>
        <span class="fact-labels">
          {Object.entries(labels).map(entry => (
            <span key={entry[0]} class="tag">
              {labelText(entry)}
            </span>
          ))}
          {Object.keys(labels).length === 0 && <span class="hint">{t.noLabels}</span>}
          {mayCommand && (
            <button
              type="button"
              class="link-button"
              aria-label={unmarked(words.dialogs.editTitle(name))}
              onClick={() => dialogs.open({ kind: "edit", id })}
            >
              {t.edit}
            </button>
          )}
        </span>
      </Fact>
      <Fact name={t.id}>
        <CopyButton class="copy-id" label={dictionary.value.cloud.copy(id)} text={() => id}>
          <code class="break">{id}</code>
        </CopyButton>
      </Fact>
    </dl>
  );
}
