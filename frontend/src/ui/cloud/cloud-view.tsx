import { useApp } from "../app-context";
import { dictionary } from "../settings/preferences";
import { AccessLine } from "./access-line";
import { InstancesWidget } from "./instances-widget";
import { MissedEventsSummary } from "./missed-events-summary";
import { useLiveAnnouncements } from "./use-live-announcements";
import { WorklogWidget } from "./worklog-widget";

export default function CloudView() {
  useLiveAnnouncements();
  const maySee = useApp().store.access.may("see_servers");
  return (
    <div class="cloud">
      {!maySee && <h1 class="visually-hidden">{dictionary.value.nav.cloud}</h1>}
      <div class="cloud-notices">
        <AccessLine />
        {maySee && <MissedEventsSummary />}
      </div>
      {maySee && (
        <>
          <InstancesWidget />
          <WorklogWidget />
        </>
      )}
    </div>
  );
}
