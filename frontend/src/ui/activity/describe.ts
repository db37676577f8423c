import type { Instance } from "../../contract/generated";
import type { ActivityDictionary } from "../../i18n/activity.en";
import type { Dictionary } from "../../i18n/en";
import { labelOf } from "../../i18n/label";
import type { Entry } from "./feed";

/** The texts of an entry. */
export interface Description {
  /** The name of who did it. */
  readonly who: string;
  readonly what: string;
  /** The id of the server that it was done to, and what it is called. */
  readonly server?: { readonly id: string; readonly name: string };
  /** What else it was done to: a person, an address. */
  readonly target?: string;
  /** Why it failed, or why it was done. */
  readonly reason?: string;
  readonly isProblem: boolean;
}

/** The beginning of an id, which is enough to tell a few servers apart. */
const SHORT = 8;

type Named = Instance & { readonly name?: string };

/** Describe an entry in words. `servers` has the names of those that still exist. */
export function describe(
  { t, a }: { readonly t: Dictionary; readonly a: ActivityDictionary },
  servers: ReadonlyMap<string, Instance>,
  entry: Entry,
): Description {
  const serverOf = (id: string, past?: Named) => {
    const known: Named | undefined = servers.get(id) ?? past;
    return { id, name: known?.name ?? id.slice(0, SHORT) };
  };
  if (entry.kind === "event") {
    const { type, command, actor, instanceId, instance, reason = "", reasonCode } = entry.event;
    const name = command ? labelOf(t.cloud.commands, command) : "";
    const isProblem = type === "failed";
    const what =
      type === "received"
        ? a.requested(name)
        : type === "cancelled"
          ? a.undone(name)
          : isProblem
            ? a.failed(name)
            : type === "working"
              ? a.working(name)
              : labelOf(t.worklog.kinds, type === "retained" ? "received" : type);
    const why = isProblem ? { reason: t.failure(reasonCode, reason) } : {};
    return { who: t.cloud.by(actor), what, server: serverOf(instanceId, instance), isProblem, ...why };
  }
  const { action, actor, outcome, target, code, reason } = entry.record.entry;
  const isProblem = outcome === "refused";
  const isCommand = action in t.cloud.commands;
  const label = labelOf({ ...t.cloud.commands, ...a.actions }, action);
  const why = code ? t.error(code) : reason;
  const isOfMessage = action === "remove_message";
  return {
    who: t.cloud.by(actor),
    what: isProblem ? a.refusedCommand(label) : label,
    isProblem,
    ...(target && isCommand ? { server: serverOf(target) } : {}),
    ...(target && !isCommand && !isOfMessage ? { target } : {}),
    ...(why ? { reason: why } : {}),
  };
}
