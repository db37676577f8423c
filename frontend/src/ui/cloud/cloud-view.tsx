import { words } from "../preferences";
import { AwaySummary } from "./away-summary";
import { InstancesWidget } from "./instances-widget";
import { useSpokenChanges } from "./use-spoken-changes";
import { WorklogWidget } from "./worklog-widget";

export function CloudView() {
  useSpokenChanges();
  return (
    <div class="cloud">
      <h1 class="visually-hidden">{words.value.nav.cloud}</h1>
      <AwaySummary />
      <InstancesWidget />
      <WorklogWidget />
    </div>
  );
}
