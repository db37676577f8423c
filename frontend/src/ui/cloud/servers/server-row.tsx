import { useLayoutEffect, useRef } from "preact/hooks";
import { type Instance, SIMULATED } from "../../../contract/generated";
import type { WorklogLine } from "../../../state/cloud/model";
import type { Providers } from "../../../state/cloud/server-status";
import { useApp } from "../../app-context";
import { hrefs } from "../../place";
import { Sentence } from "../../sentence";
import { dictionary } from "../../settings/preferences";
import { Time } from "../../time";
import { useServerDialogs } from "../dialogs/server-dialogs";
import { useMayCommand } from "../use-may-command";
import { isRepeat } from "./repeated-click";
import { type RowStats, useRowStats } from "./row-stats";
import { commandsFor, isReady, removes } from "./server-commands";
import { formatAge, shortId } from "./server-format";
import { labelText, type Server } from "./server-order";
import { ServerState } from "./server-state";
import { serversDictionary } from "./servers-dictionary";
import { levelOf, Sparkline } from "./sparkline";
import { providerCan } from "./use-providers";

/** What the rows of a list share. */
export interface RowContext {
  readonly now: number;
  readonly providers: Providers;
  readonly stats: RowStats;
  readonly selected: ReadonlySet<string>;
  /** The server whose panel is open. */
  readonly openId: string | undefined;
  readonly lastChanges: ReadonlyMap<string, WorklogLine>;
  readonly onSelect: (id: string, isSelected: boolean) => void;
  readonly onMenu: (id: string, anchor: HTMLElement) => void;
  readonly onLabel: (label: string) => void;
}

interface ServerRowProps {
  readonly server: Server;
  readonly context: RowContext;
}

function Where({ provider, template, address }: Instance) {
  const t = serversDictionary.value;
  const text = [provider === SIMULATED ? t.simulated : provider, template].filter(Boolean).join(" · ");
  return (
    <span class="server-where" title={address ? `${text} · ${address}` : text}>
      {text}
    </span>
  );
}

function Labels({ labels, onLabel }: Pick<Instance, "labels"> & Pick<RowContext, "onLabel">) {
  const t = serversDictionary.value;
  return (
    <span class="server-labels">
      {Object.entries(labels).map(entry => {
        const text = labelText(entry);
        return (
          <button
            key={entry[0]}
            type="button"
            class="tag"
            title={t.filterBy(text)}
            aria-label={t.filterBy(text)}
            onClick={() => onLabel(text)}
          >
            {text}
          </button>
        );
      })}
    </span>
  );
}

function Use({ instance, context }: { readonly instance: Instance; readonly context: RowContext }) {
  const isWanted = instance.state === "running" && providerCan(context.providers, instance.provider, "stats");
  const samples = useRowStats(context.stats, instance.id, isWanted);
  const { columns, panel } = serversDictionary.value;
  const last = samples.at(-1);
  if (!last) return <span class="server-use none">–</span>;
  const percent = (value: number) => panel.percent(100 * value);
  const most = Math.max(...samples.map(sample => levelOf(sample, "cpu")));
  return (
    <span class="server-use">
      <Sparkline
        samples={samples}
        measure="cpu"
        label={panel.chart(columns.cpu, percent(levelOf(last, "cpu")), percent(most))}
      />
    </span>
  );
}

function LastChange({ line }: { readonly line: WorklogLine | undefined }) {
  const t = serversDictionary.value;
  if (!line) return <span class="server-change none">–</span>;
  const actor = line.command === undefined ? t.outside : dictionary.value.cloud.by(line.actor ?? "");
  return (
    <span class="server-change">
      <Sentence text={t.changedBy(actor, line.command)} />
    </span>
  );
}

/** The commands that the row has buttons for: those that change the state. The menu has all. */
function Actions({ server }: Pick<ServerRowProps, "server">) {
  const { commandSender } = useApp().store;
  const dialogs = useServerDialogs();
  const { instance, status } = server;
  const { id, name } = instance;
  const t = dictionary.value.cloud;
  const isReadyNow = isReady(status, commandSender.busy.value.has(id));
  const shown = commandsFor(instance).filter(command => command !== "restart");
  return (
    <>
      {shown.map(command => {
        const isProtected = instance.protected && command !== "start";
        const disabled = !isReadyNow || isProtected;
        return (
          // `aria-disabled` instead of `disabled`, to keep the focus.
          <button
            key={command}
            type="button"
            class={removes(command) ? "icon-button danger" : "icon-button"}
            aria-disabled={disabled}
            aria-label={t.action(command, name)}
            title={isProtected ? serversDictionary.value.protected : t.action(command, name)}
            onClick={event => {
              if (disabled) return;
              if (removes(command)) dialogs.open({ kind: "remove", ids: [id] });
              else if (!isRepeat(event)) void commandSender.run(command, id);
            }}
          >
            <span class={`icon icon-${command}`} aria-hidden="true" />
          </button>
        );
      })}
    </>
  );
}

export function ServerRow({ server, context }: ServerRowProps) {
  const { instance, status } = server;
  const { id, name } = instance;
  const t = serversDictionary.value;
  const mayCommand = useMayCommand();
  const row = useRef<HTMLElement>(null);
  const hadFocus = row.current?.contains(document.activeElement) ?? false;
  useLayoutEffect(() => {
    // The focused button was replaced: move the focus to the row, where no key triggers a command.
    if (hadFocus && !row.current?.contains(document.activeElement)) row.current?.focus();
  });
  return (
    <article
      ref={row}
      class="server"
      data-id={id}
      aria-label={name}
      tabIndex={-1}
      data-status={status.kind}
      data-selected={context.selected.has(id)}
      data-open={context.openId === id}
    >
      {mayCommand && (
        <label class="server-check">
          <input
            type="checkbox"
            aria-label={t.select(name)}
            checked={context.selected.has(id)}
            onChange={event => context.onSelect(id, event.currentTarget.checked)}
          />
        </label>
      )}
      <span class="server-name">
        <a href={hrefs.server(name)} title={name}>
          {name}
        </a>
        {!name.includes(shortId(id)) && (
          <code class="short-id" title={id}>
            {shortId(id)}
          </code>
        )}
        {instance.protected && (
          <span class="icon icon-lock" role="img" aria-label={t.protected} title={t.protected} />
        )}
      </span>
      <span class="server-state">
        <ServerState instance={instance} status={status} now={context.now} />
      </span>
      <span class="server-since">
        <Time at={instance.timestamp} format={at => formatAge(t, String(at), context.now)} />
      </span>
      <Where {...instance} />
      <Labels labels={instance.labels} onLabel={context.onLabel} />
      <Use instance={instance} context={context} />
      <LastChange line={context.lastChanges.get(id)} />
      <span class="server-actions">
        {mayCommand && <Actions server={server} />}
        <button
          type="button"
          class="icon-button"
          aria-haspopup="menu"
          aria-label={t.more(name)}
          title={t.more(name)}
          onClick={event => context.onMenu(id, event.currentTarget)}
        >
          <span class="icon icon-more" aria-hidden="true" />
        </button>
      </span>
    </article>
  );
}
