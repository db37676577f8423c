import { useEffect, useRef } from "preact/hooks";
import { type Instance, SIMULATED } from "../../../contract/generated";
import { type Providers, statusOf } from "../../../state/cloud/server-status";
import { useApp } from "../../app-context";
import { hrefs } from "../../place";
import { Sentence } from "../../sentence";
import { dictionary } from "../../settings/preferences";
import { useServerDialogs } from "../dialogs/server-dialogs";
import { isRepeat } from "../servers/repeated-click";
import { commandsFor, isReady, removes } from "../servers/server-commands";
import { ServerState } from "../servers/server-state";
import { serversDictionary } from "../servers/servers-dictionary";
import { providerCan } from "../servers/use-providers";
import { useSlowNow } from "../servers/use-slow-now";
import { useMayCommand } from "../use-may-command";
import { ServerFacts } from "./server-facts";
import { ServerHistory } from "./server-history";
import { ServerLog } from "./server-log";
import { ServerUse } from "./server-use";

interface ServerPanelProps {
  /** The id or the name in the address. */
  readonly reference: string;
  readonly instance: Instance | undefined;
  readonly providers: Providers;
  /** Where the panel leads back to. */
  readonly backHref: string;
}

function Commands({ instance, isReadyNow }: { readonly instance: Instance; readonly isReadyNow: boolean }) {
  const { commandSender } = useApp().store;
  const dialogs = useServerDialogs();
  const { id, name } = instance;
  const t = dictionary.value.cloud;
  const words = serversDictionary.value;
  return (
    <p class="panel-commands">
      {commandsFor(instance).map(command => {
        const isProtected = instance.protected && command !== "start";
        const disabled = !isReadyNow || isProtected;
        const removal = instance.condition === "lost" ? words.menu.forget : words.menu.remove;
        return (
          <button
            key={command}
            type="button"
            class={removes(command) ? "button small danger" : "button small"}
            aria-disabled={disabled}
            aria-label={t.action(command, name)}
            title={isProtected ? words.protected : undefined}
            onClick={event => {
              if (disabled) return;
              if (removes(command)) dialogs.open({ kind: "remove", ids: [id] });
              else if (!isRepeat(event)) void commandSender.run(command, id);
            }}
          >
            {removes(command) ? removal : t.commands[command]}
          </button>
        );
      })}
    </p>
  );
}

/** Why there is no log, if there is none. */
function useLogHint(instance: Instance, providers: Providers): string | undefined {
  const { access, chat } = useApp().store;
  const t = serversDictionary.value.panel;
  if (instance.provider === SIMULATED) return t.noLog;
  const provider = providers?.get(instance.provider);
  if (!provider?.connected) return t.away;
  if (!provider.capabilities.includes("logs")) return t.unsupportedLog;
  return access.maySeeLogs(chat.value.me !== undefined) ? undefined : t.mayNotSeeLog;
}

function Contents({ instance, providers }: { readonly instance: Instance; readonly providers: Providers }) {
  const { cloud, commandSender } = useApp().store;
  const mayCommand = useMayCommand();
  const now = useSlowNow();
  const { id, name, provider } = instance;
  const status = statusOf(cloud.value, instance, providers);
  const t = serversDictionary.value.panel;
  const logHint = useLogHint(instance, providers);
  return (
    <div class="panel-scroll">
      <div class="panel-top">
        <div class="panel-state server-state" data-status={status.kind}>
          <ServerState instance={instance} status={status} now={now} />
        </div>
        {mayCommand && (
          <Commands instance={instance} isReadyNow={isReady(status, commandSender.busy.value.has(id))} />
        )}
      </div>
      <ServerFacts instance={instance} providers={providers} now={now} />
      {providerCan(providers, provider, "stats") && <ServerUse key={`use ${id}`} id={id} />}
      {logHint === undefined ? (
        <ServerLog key={`log ${id}`} id={id} name={name} />
      ) : (
        <section class="panel-part" aria-labelledby="log-title">
          <h3 id="log-title">{t.log}</h3>
          <p class="hint">{logHint}</p>
        </section>
      )}
      <ServerHistory id={id} />
    </div>
  );
}

/** One server: what it is, what it does, its log, and what happened to it. */
export default function ServerPanel({ reference, instance, providers, backHref }: ServerPanelProps) {
  const { cloud } = useApp().store;
  const heading = useRef<HTMLHeadingElement>(null);
  const words = serversDictionary.value;
  const t = words.panel;
  const id = instance?.id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another server gets the focus
  useEffect(() => {
    heading.current?.focus();
  }, [id]);
  return (
    <section class="widget server-panel" aria-labelledby="panel-title">
      <div class="widget-head">
        <a class="back" href={backHref} data-escape>
          <span class="icon icon-back" aria-hidden="true" />
          {t.back}
        </a>
        <a class="back to-servers" href={hrefs.servers}>
          <span class="icon icon-back" aria-hidden="true" />
          {t.backToServers}
        </a>
        <h2 id="panel-title" ref={heading} tabIndex={-1}>
          <bdi class="break">{instance?.name ?? reference}</bdi>
          {instance?.protected && (
            <>
              {" "}
              <span class="icon icon-lock" role="img" aria-label={words.protected} title={words.protected} />
            </>
          )}
        </h2>
      </div>
      {instance ? (
        <Contents instance={instance} providers={providers} />
      ) : (
        <p class="placeholder">
          {cloud.value.loaded ? <Sentence text={t.missing(reference)} /> : words.list.loading}
        </p>
      )}
    </section>
  );
}
