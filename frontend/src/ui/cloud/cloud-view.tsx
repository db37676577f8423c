import { useSignal } from "@preact/signals";
import { useCallback, useEffect, useMemo } from "preact/hooks";
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
import { WorklogWidget } from "./worklog/worklog-widget";

const loadDialogs = () =>
  import(/* webpackChunkName: "server-dialogs", webpackPrefetch: true */ "./dialogs/dialog-host");
const loadPanel = () =>
  import(/* webpackChunkName: "server-panel", webpackPrefetch: true */ "./panel/server-panel");

/** The server of an id or a name; an id comes first. */
export const findServer = (instances: ReadonlyMap<string, Instance>, ref: string): Instance | undefined =>
  instances.get(ref) ?? [...instances.values()].find(one => one.name === ref);

/** The name or id of the server that the address names. */
const referenceOf = ({ view, id }: Place): string | undefined => (view === "cloud" ? id : undefined);

/** The servers beside the Worklog, or beside one server that the address names. */
function ServersAndWorklog() {
  const { cloud } = useApp().store;
  const providers = useProviders();
  const dialog = useSignal<ServerDialog | undefined>(undefined);
  const shownInstance = useSignal("");
  const ref = referenceOf(place.value);
  const open = ref === undefined ? undefined : findServer(cloud.value.instances, ref);
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
  const onWorklog = useCallback(
    (id: string) => {
      shownInstance.value = id;
      goTo(hrefs.servers);
    },
    [shownInstance],
  );
  const name = open?.name;
  useEffect(() => {
    // The server was renamed: its address follows it.
    const id = referenceOf(place.peek());
    if (name !== undefined && id !== undefined && open?.id !== id && name !== id)
      goTo(hrefs.server(name), { replace: true });
  }, [name, open?.id]);
  return (
    <ServerDialogsContext.Provider value={dialogs}>
      <ServersWidget providers={providers.value} openId={open?.id} onWorklog={onWorklog} />
      {ref === undefined ? (
        <WorklogWidget shownInstance={shownInstance} />
      ) : (
        <Lazy load={loadPanel} props={{ reference: ref, instance: open, providers: providers.value }} />
      )}
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
    <div class="cloud" data-panel={referenceOf(place.value) !== undefined}>
      {!maySee && <h1 class="visually-hidden">{dictionary.value.nav.cloud}</h1>}
      <div class="cloud-notices">
        <AccessLine />
        {maySee && <MissedEventsSummary />}
      </div>
      {maySee && <ServersAndWorklog />}
    </div>
  );
}
