import { useComputed, useSignal } from "@preact/signals";
import { useCallback } from "preact/hooks";
import type { Instance } from "../../contract/generated";
import emptyPicture from "../../icons/empty.svg";
import { NEW_INSTANCE } from "../../session/command-sender";
import { useApp } from "../app-context";
import { isDown } from "../connection/connection-status";
import { VirtualList } from "../list/virtual-list";
import { dictionary } from "../settings/preferences";
import { FailureNotice } from "./failure-notice";
import { InstanceCard } from "./instance-card";
import { arrange, countStates, type Order, type Shown } from "./instance-order";
import { RemoveDialog } from "./remove-dialog";
import { useMayCommand } from "./use-may-command";

const keyOf = (instance: Instance): string => instance.id;
const SHOWN: readonly Shown[] = ["all", "running", "stopped", "pending"];
const ORDERS: readonly Order[] = ["recent", "steady", "id", "state"];

export function InstancesWidget() {
  const { store } = useApp();
  const { cloud, commandSender } = store;
  const mayCommand = useMayCommand();
  const shown = useSignal<Shown>("all");
  const order = useSignal<Order>("recent");
  const search = useSignal("");
  const removing = useSignal("");
  const counts = useComputed(() => countStates(cloud.value.instances.values()));
  const items = useComputed(() =>
    arrange([...cloud.value.instances.values()], shown.value, order.value, search.value),
  );
  const askRemove = useCallback(
    (id: string) => {
      removing.value = id;
    },
    [removing],
  );
  const t = dictionary.value.cloud;
  const { loaded, instances, connection, failures } = cloud.value;
  const me = store.chat.value.me?.name;
  const failedCreations = [...failures.values()].filter(
    line => line.command === "create" && (line.kind === "refused" || line.actor === me),
  );
  const canCreate = loaded && !commandSender.busy.value.has(NEW_INSTANCE) && connection.phase !== "offline";
  const shownWords: Record<Shown, string> = {
    all: t.all,
    running: t.states.running,
    stopped: t.states.stopped,
    pending: t.onlyPending,
  };
  const showAll = () => {
    shown.value = "all";
    search.value = "";
  };

  return (
    <section class="card widget" aria-labelledby="instances-title">
      <div class="widget-head">
        <h1 id="instances-title">{t.instances}</h1>
        {loaded && (
          <p class="counts">
            <span>
              <span class="dot" data-state="running" aria-hidden="true" />
              {t.running(counts.value.running)}
            </span>
            <span>
              <span class="dot" data-state="stopped" aria-hidden="true" />
              {t.stopped(counts.value.stopped)}
            </span>
          </p>
        )}
      </div>
      <p class="hint simulated">{t.simulated}</p>
      <div class="filters">
        <input
          type="search"
          aria-label={t.search}
          placeholder={t.search}
          value={search.value}
          onInput={event => {
            search.value = event.currentTarget.value;
          }}
        />
        <select
          aria-label={t.filter}
          value={shown.value}
          onChange={event => {
            shown.value = event.currentTarget.value as Shown;
          }}
        >
          {SHOWN.map(one => (
            <option key={one} value={one}>
              {shownWords[one]}
            </option>
          ))}
        </select>
        <select
          aria-label={t.sort}
          value={order.value}
          onChange={event => {
            order.value = event.currentTarget.value as Order;
          }}
        >
          {ORDERS.map(one => (
            <option key={one} value={one}>
              {t.sorts[one]}
            </option>
          ))}
        </select>
      </div>
      {items.value.length > 0 ? (
        <VirtualList
          items={items.value}
          keyOf={keyOf}
          estimate={132}
          label={t.instances}
          anchor="start"
          render={instance => <InstanceCard instance={instance} onRemove={askRemove} />}
        />
      ) : instances.size > 0 ? (
        <div class="placeholder">
          <p>{t.noMatch}</p>
          <button type="button" class="link-button" onClick={showAll}>
            {t.showAll}
          </button>
        </div>
      ) : loaded ? (
        <div class="placeholder">
          <img src={emptyPicture} alt="" width="160" height="96" />
          <h2>{t.emptyTitle}</h2>
          {mayCommand && <p>{t.emptyText}</p>}
        </div>
      ) : (
        <p class="placeholder">{isDown(connection) ? t.unreachable : t.loading}</p>
      )}
      {mayCommand &&
        failedCreations.map(line => (
          <FailureNotice key={line.key} line={line} retry={() => void commandSender.run("create")} />
        ))}
      {mayCommand && (
        <button
          type="button"
          class="button primary create"
          aria-disabled={!canCreate}
          onClick={event => {
            // Ignore the second click of a double click.
            if (canCreate && event.detail < 2) void commandSender.run("create");
          }}
        >
          <span class="icon icon-plus" aria-hidden="true" />
          {t.create}
        </button>
      )}
      {removing.value && (
        <RemoveDialog
          id={removing.value}
          onClose={() => {
            removing.value = "";
          }}
          onConfirm={() => {
            void commandSender.run("remove", removing.value);
            removing.value = "";
          }}
        />
      )}
    </section>
  );
}
