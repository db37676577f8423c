import type { Instance } from "../../contract/generated";
import type { Dictionary } from "../../i18n/en";
import { unmarked } from "../../i18n/isolate";
import { labelOf } from "../../i18n/label";
import type { CloudState } from "../../state/cloud/model";
import { statusOf } from "../../state/cloud/server-status";

/** How a server is, at a glance. */
export interface Glance {
  /** How its dot looks. */
  readonly dot: "running" | "stopped" | "pending" | "problem" | "unknown";
  /** The same in words, which stand in titles, too. */
  readonly text: string;
}

/** How a server is at a glance, where there is no space for more than a dot and its title. */
export function glanceOf(
  t: Dictionary,
  cloud: Pick<CloudState, "failures" | "dismissed">,
  instance: Instance,
): Glance {
  const status = statusOf(cloud, instance, undefined);
  switch (status.kind) {
    case "pending":
      return { dot: "pending", text: labelOf(t.cloud.pending, status.pending.command) };
    case "lost":
      return { dot: "problem", text: labelOf(t.worklog.kinds, "lost") };
    case "failed": {
      const { reasonCode, reason, line } = status.failure;
      const why = line?.kind === "refused" && line.code ? t.error(line.code) : t.failure(reasonCode, reason);
      return { dot: "problem", text: unmarked(why) };
    }
    case "unknown":
      return { dot: "unknown", text: unmarked(t.failure(status.reasonCode, status.reason)) };
    case "away":
      return { dot: "unknown", text: labelOf(t.cloud.states, instance.state) };
    default:
      return { dot: status.kind, text: labelOf(t.cloud.states, status.kind) };
  }
}
