import type { Incident } from "../../contract/generated";
import { labelOf } from "../../i18n/label";
import { incidentsDictionary } from "./incidents-dictionary";

/** How each status looks; a newer server may send others. */
const ICONS: Readonly<Record<string, string>> = { open: "alert", acknowledged: "eye", closed: "check" };

/** The status of an incident: an icon and a word. */
export const IncidentStatus = ({ status }: Pick<Incident, "status">) => (
  <span class="incident-status" data-status={status}>
    <span class={`icon icon-${ICONS[status] ?? "info"}`} aria-hidden="true" />
    {labelOf(incidentsDictionary.value.statuses, status)}
  </span>
);
