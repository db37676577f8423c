import { useId } from "preact/hooks";
import type { Incident } from "../../contract/generated";
import { formatMessageTime } from "../../text/format";
import { useApp } from "../app-context";
import { goTo, hrefs, place } from "../place";
import { plainLabel } from "../rooms/room-label";
import { Sentence } from "../sentence";
import { dictionary } from "../settings/preferences";
import { IncidentStatus } from "./incident-status";
import { incidentsDictionary } from "./incidents-dictionary";
import { useIncidents } from "./use-incidents";

const STATUSES: readonly Incident["status"][] = ["open", "acknowledged", "closed"];

/** The status that the address asks for; undefined: any. */
function statusIn(query: string): Incident["status"] | undefined {
  const wanted = new URLSearchParams(query).get("status");
  return STATUSES.find(one => one === wanted);
}

function IncidentRow({ incident }: { readonly incident: Incident }) {
  const { rooms, me } = useApp().store.chat.value;
  const { id, room, title, status, lead, openedAt, openedBy, replies } = incident;
  const t = incidentsDictionary.value;
  const state = rooms.get(room);
  return (
    <tr>
      <th scope="row">
        {title === undefined ? (
          <span class="hint">{t.removed}</span>
        ) : (
          <a href={hrefs.thread(room, id)}>
            <bdi>{title}</bdi>
          </a>
        )}
        <span class="people-note">{t.replies(replies ?? 0)}</span>
      </th>
      <td>
        <IncidentStatus status={status} />
      </td>
      <td>{state ? <bdi>{plainLabel(state, me)}</bdi> : <code>{room}</code>}</td>
      <td>{lead ? <bdi>{lead.name}</bdi> : <span class="hint">{t.nobody}</span>}</td>
      <td>
        <Sentence text={t.openedBy(formatMessageTime(openedAt), openedBy)} />
      </td>
    </tr>
  );
}

function StatusFilter({ status }: { readonly status: Incident["status"] | undefined }) {
  const t = incidentsDictionary.value;
  const id = useId();
  return (
    <span class="incident-filter">
      <label for={id}>{t.show}</label>
      <select
        id={id}
        value={status ?? ""}
        onChange={event => goTo(hrefs.incidents({ status: event.currentTarget.value }), { replace: true })}
      >
        <option value="">{t.all}</option>
        {STATUSES.map(one => (
          <option key={one} value={one}>
            {t.statuses[one]}
          </option>
        ))}
      </select>
    </span>
  );
}

/** The incidents of the rooms that the reader is in. */
export default function IncidentsView() {
  const t = incidentsDictionary.value;
  const status = statusIn(place.value.query);
  const { incidents, problem, retry, more } = useIncidents(status);
  return (
    <section class="people-view" aria-label={t.title}>
      <header class="people-head">
        <h1>{t.title}</h1>
        <p class="hint">
          {t.about}{" "}
          <a href="docs/incidents/" target="_blank" rel="noopener">
            {t.help}
          </a>
        </p>
        <StatusFilter status={status} />
      </header>
      <div class="people-body">
        {problem && (
          <p class="problem" role="alert">
            {t.failed} {dictionary.value.error(problem)}{" "}
            <button type="button" class="link-button" onClick={retry}>
              {t.retry}
            </button>
          </p>
        )}
        {incidents && incidents.length > 0 ? (
          <table class="people-table">
            <thead>
              <tr>
                <th scope="col">{t.columns.title}</th>
                <th scope="col">{t.columns.status}</th>
                <th scope="col">{t.columns.room}</th>
                <th scope="col">{t.columns.lead}</th>
                <th scope="col">{t.columns.opened}</th>
              </tr>
            </thead>
            <tbody>
              {incidents.map(one => (
                <IncidentRow key={one.id} incident={one} />
              ))}
            </tbody>
          </table>
        ) : (
          !problem && (
            <p class={incidents && !more ? "placeholder" : "hint"}>
              {!incidents ? t.loading : more ? "" : status ? t.noMatch : t.empty}
            </p>
          )
        )}
        {more && (
          <button type="button" class="button" onClick={more}>
            {t.more}
          </button>
        )}
      </div>
    </section>
  );
}
