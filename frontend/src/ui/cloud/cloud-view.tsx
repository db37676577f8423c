import { words } from "../preferences";
import { useLive } from "../session-context";
import { AccessLine } from "./access-line";
import { AwaySummary } from "./away-summary";
import { InstancesWidget } from "./instances-widget";
import { useSpokenChanges } from "./use-spoken-changes";
import { WorklogWidget } from "./worklog-widget";

export default function CloudView() {
  useSpokenChanges();
  const maySee = useLive().session.access.may("see_servers");
  return (
    <div class="cloud">
      <h1 class="visually-hidden">{words.value.nav.cloud}</h1>
      <div class="cloud-notices">
        <AccessLine />
        {maySee && <AwaySummary />}
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
