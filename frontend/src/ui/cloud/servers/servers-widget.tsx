import { useComputed, useSignal } from "@preact/signals";
import { useCallback, useMemo } from "preact/hooks";
import emptyPicture from "../../../icons/empty.svg";
import { NEW_INSTANCE } from "../../../session/command-sender";
import type { WorklogLine } from "../../../state/cloud/model";
import { type Providers, statusOf } from "../../../state/cloud/server-status";
import { useApp } from "../../app-context";
import { isDown } from "../../connection/connection-status";
import { VirtualList } from "../../list/virtual-list";
import { goTo, hrefs } from "../../place";
import { dictionary } from "../../settings/preferences";
import { useServerDialogs } from "../dialogs/server-dialogs";
import { useMayCommand } from "../use-may-command";
import { BulkBar } from "./bulk-bar";
import { FailedCreations } from "./failed-creations";
import { RowStats } from "./row-stats";
import { Groups, Toolbar } from "./server-filters";
import { Headings } from "./server-headings";
import { ServerMenu } from "./server-menu";
import { arrange, type Order, type Server, type Shown } from "./server-order";
import { ServerRow } from "./server-row";
import { serversDictionary } from "./servers-dictionary";
import { adoptingProviders, providerCan } from "./use-providers";
import { useSlowNow } from "./use-slow-now";

const keyOf = ({ instance }: Server): string => instance.id;
const ROW_PX = 36;

interface ServersWidgetProps {
  readonly providers: Providers;
  /** The server whose panel is open. */
  readonly openId: string | undefined;
}

/** The last event of each server that changed it. */
function lastChangesOf(worklog: readonly WorklogLine[]): ReadonlyMap<string, WorklogLine> {
  const last = new Map<string, WorklogLine>();
  for (const line of worklog)
    if (line.instanceId && line.kind !== "received" && line.kind !== "refused")
      last.set(line.instanceId, line);
  return last;
}

export function ServersWidget({ providers, openId }: ServersWidgetProps) {
  const { store, backend } = useApp();
  const { cloud, commandSender } = store;
  const dialogs = useServerDialogs();
  const mayCommand = useMayCommand();
  const shown = useSignal<Shown>("all");
  const order = useSignal<Order>("recent");
  const search = useSignal("");
  const selection = useSignal<ReadonlySet<string>>(new Set());
  const menu = useSignal<{ readonly id: string; readonly anchor: HTMLElement } | undefined>(undefined);
  const stats = useMemo(() => new RowStats(backend, () => store.access.readToken()), [backend, store]);
  const now = useSlowNow();
  const state = cloud.value;
  const { instances, failures, dismissed } = state;
  const servers = useMemo(
    () =>
      [...instances.values()].map(
        (instance): Server => ({ instance, status: statusOf({ failures, dismissed }, instance, providers) }),
      ),
    [instances, failures, dismissed, providers],
  );
  const items = useMemo(
    () => arrange(servers, shown.value, order.value, search.value),
    [servers, shown.value, order.value, search.value],
  );
  const lastChanges = useComputed(() => lastChangesOf(cloud.value.worklog));
  const chosen = servers.filter(({ instance }) => selection.value.has(instance.id));

  const onSelect = useCallback(
    (id: string, isSelected: boolean) => {
      const next = new Set(selection.peek());
      if (isSelected) next.add(id);
      else next.delete(id);
      selection.value = next;
    },
    [selection],
  );
  const onMenu = useCallback(
    (id: string, anchor: HTMLElement) => {
      menu.value = { id, anchor };
    },
    [menu],
  );
  const closeMenu = useCallback(() => {
    menu.value = undefined;
  }, [menu]);
  const onLabel = useCallback(
    (label: string) => {
      search.value = label;
    },
    [search],
  );
  /** Keys of the focused row: by the key's place, so that they are the same with any layout. */
  const onRowKey = (event: KeyboardEvent) => {
    const { target, code, key } = event;
    const row =
      target instanceof Element ? target.closest("li")?.querySelector<HTMLElement>("[data-id]") : null;
    const id = row?.dataset.id;
    if (!row || !id || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const more = row.querySelector<HTMLElement>("[aria-haspopup]");
    if (code === "KeyX" && mayCommand) onSelect(id, !selection.peek().has(id));
    else if ((code === "KeyM" || key === "ContextMenu") && more) onMenu(id, more);
    else if (key === "Enter" && (target === row || target === row.parentElement)) goTo(hrefs.server(id));
    else return;
    event.preventDefault();
  };
  const showAll = () => {
    shown.value = "all";
    search.value = "";
  };
  const context = {
    ...{ now, providers, stats, openId, onSelect, onMenu, onLabel },
    selected: selection.value,
    lastChanges: lastChanges.value,
  };
  const t = dictionary.value.cloud;
  const words = serversDictionary.value;
  const { loaded, connection } = state;
  const canCreate = loaded && !commandSender.busy.value.has(NEW_INSTANCE) && connection.phase !== "offline";
  const canAdopt = mayCommand && adoptingProviders(providers).length > 0;
  const hasUse = items.some(({ instance }) => providerCan(providers, instance.provider, "stats"));
  const opened = servers.find(({ instance }) => instance.id === menu.value?.id);

  return (
    <section class="widget servers" aria-labelledby="instances-title">
      <div class="widget-head">
        <h1 id="instances-title">{t.instances}</h1>
        {loaded && <Groups servers={servers} shown={shown} />}
        <a class="button small quiet to-worklog" href={hrefs.worklog()}>
          {dictionary.value.worklog.title}
        </a>
        {mayCommand && (
          <div class="server-tools">
            <button
              type="button"
              class="button small quiet"
              onClick={() => dialogs.open({ kind: "schedules" })}
            >
              {words.schedules}
            </button>
            {canAdopt && (
              <button
                type="button"
                class="button small quiet"
                onClick={() => dialogs.open({ kind: "adopt" })}
              >
                {words.adopt}
              </button>
            )}
            <button
              type="button"
              class="button small primary create"
              aria-disabled={!canCreate}
              onClick={() => {
                if (canCreate) dialogs.open({ kind: "create" });
              }}
            >
              <span class="icon icon-plus" aria-hidden="true" />
              <span class="create-text">{words.create}</span>
            </button>
          </div>
        )}
      </div>
      {loaded && <Toolbar order={order} search={search} />}
      {mayCommand && chosen.length > 0 && (
        <BulkBar
          servers={chosen}
          onClear={() => {
            selection.value = new Set();
          }}
        />
      )}
      {mayCommand && <FailedCreations />}
      {items.length > 0 ? (
        // biome-ignore lint/a11y/noStaticElementInteractions: keys of the focused row
        <div class="server-table" data-selectable={mayCommand} data-use={hasUse} onKeyDown={onRowKey}>
          <Headings
            canSelect={mayCommand}
            isSomeSelected={chosen.length > 0}
            isAllSelected={items.every(({ instance }) => selection.value.has(instance.id))}
            onSelectAll={isSelected => {
              selection.value = new Set(isSelected ? items.map(keyOf) : []);
            }}
          />
          <VirtualList
            items={items}
            keyOf={keyOf}
            estimate={ROW_PX}
            label={t.instances}
            anchor="start"
            render={server => <ServerRow server={server} context={context} />}
          />
        </div>
      ) : instances.size > 0 ? (
        <div class="placeholder">
          <p>{words.list.noMatch}</p>
          <button type="button" class="link-button" onClick={showAll}>
            {t.showAll}
          </button>
        </div>
      ) : loaded ? (
        <div class="placeholder">
          <img src={emptyPicture} alt="" width="160" height="96" />
          <h2>{words.list.emptyTitle}</h2>
          {mayCommand && <p>{words.list.emptyText}</p>}
        </div>
      ) : (
        <p class="placeholder">{isDown(connection) ? t.unreachable : words.list.loading}</p>
      )}
      {menu.value && opened && (
        <ServerMenu key={menu.value.id} server={opened} anchor={menu.value.anchor} onClose={closeMenu} />
      )}
    </section>
  );
}
