import { useSignal } from "@preact/signals";
import { useCallback, useEffect, useMemo, useRef } from "preact/hooks";
import type { Instance } from "../../contract/generated";
import { useApp } from "../app-context";
import { Lazy } from "../lazy";
import { goTo, hrefs, type Place, place } from "../place";
import { dictionary } from "../settings/preferences";
import { AccessLine } from "./access-line";
import { type ServerDialog, ServerDialogsContext } from "./dialogs/server-dialogs";
import { MissedEventsSummary } from "./missed-events-summary";
import { ServersWidget } from "./servers/servers-widget";
import { useProviders } from "./servers/use-providers";
import { useLiveAnnouncements } from "./use-live-announcements";
import { findServer } from "./worklog/log-address";
import { OlderLogContext, useNewOlderLog } from "./worklog/older-log-context";
import { WorklogWidget } from "./worklog/worklog-widget";

const loadDialogs = () =>
  import(/* webpackChunkName: "server-dialogs", webpackPrefetch: true */ "./dialogs/dialog-host");
const loadPanel = () =>
  import(/* webpackChunkName: "server-panel", webpackPrefetch: true */ "./panel/server-panel");

/** The name or id of the server that the address names. */
const referenceOf = ({ view, id }: Place): string | undefined => (view === "cloud" ? id : undefined);

/** What a phone shows: one of them. */
const paneOf = ({ id, query }: Place): "server" | "worklog" | "servers" =>
  id === undefined ? (query ? "worklog" : "servers") : "server";

/** The server of the address, also if it has got another name since. */
function useOpenServer(ref: string | undefined): Instance | undefined {
  const { instances } = useApp().store.cloud.value;
  const last = useRef<{ readonly ref: string; readonly id: string } | undefined>(undefined);
  if (ref === undefined) return undefined;
  const found = findServer(instances, ref);
  if (found) last.current = { ref, id: found.id };
  return found ?? (last.current?.ref === ref ? instances.get(last.current.id) : undefined);
}

/** The servers beside the Worklog, or beside one server that the address names. */
function ServersAndWorklog() {
  const providers = useProviders();
  const olderLog = useNewOlderLog();
  const dialog = useSignal<ServerDialog | undefined>(undefined);
  // Back from a server, the Worklog has the filters that it had.
  const worklogHref = useSignal<string>(hrefs.servers);
  const ref = referenceOf(place.value);
  const open = useOpenServer(ref);
  const dialogs = useMemo(
    () => ({
      open: (one: ServerDialog) => {
        dialog.value = one;
      },
    }),
    [dialog],
  );
  const closeDialog = useCallback(() => {
    dialog.value = undefined;
  }, [dialog]);
  const { query } = place.value;
  useEffect(() => {
    if (ref === undefined) worklogHref.value = query ? `${hrefs.servers}?${query}` : hrefs.servers;
  }, [ref, query, worklogHref]);
  const name = open?.name;
  useEffect(() => {
    // The server was renamed: its address follows it.
    const id = referenceOf(place.peek());
    if (name !== undefined && id !== undefined && open?.id !== id && name !== id)
      goTo(hrefs.server(name), { replace: true });
  }, [name, open?.id]);
  return (
    <ServerDialogsContext.Provider value={dialogs}>
      <ServersWidget providers={providers.value} openId={open?.id} />
      <OlderLogContext.Provider value={olderLog}>
        {ref === undefined ? (
          <WorklogWidget />
        ) : (
          <Lazy
            load={loadPanel}
            props={{
              ...{ reference: ref, instance: open, providers: providers.value },
              backHref: worklogHref.value,
            }}
          />
        )}
      </OlderLogContext.Provider>
      {dialog.value && (
        <Lazy
          load={loadDialogs}
          props={{ dialog: dialog.value, providers: providers.value, onClose: closeDialog }}
        />
      )}
    </ServerDialogsContext.Provider>
  );
}

export default function CloudView() {
  useLiveAnnouncements();
  const maySee = useApp().store.access.may("see_servers");
  return (
    <div class="cloud" data-pane={paneOf(place.value)}>
      {!maySee && <h1 class="visually-hidden">{dictionary.value.nav.cloud}</h1>}
      <div class="cloud-notices">
        <AccessLine />
        {maySee && <MissedEventsSummary />}
      </div>
      {maySee && <ServersAndWorklog />}
    </div>
  );
}
