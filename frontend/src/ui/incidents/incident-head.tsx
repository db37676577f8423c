import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { IncidentAction } from "../../api/backend";
import type { Incident } from "../../contract/generated";
import { newId } from "../../session/ids";
import { announce } from "../announcer";
import { useApp } from "../app-context";
import { saveFile } from "../clipboard";
import { Sentence } from "../sentence";
import { dictionary } from "../settings/preferences";
import { IncidentStatus } from "./incident-status";
import { incidentsDictionary } from "./incidents-dictionary";
import { type IncidentProblem, problemOf } from "./use-incidents";

const REPORT_TYPE = "text/markdown";

interface Known {
  readonly incident: Incident | undefined;
  readonly problem: IncidentProblem | undefined;
  readonly isBusy: boolean;
  readonly act: (action: IncidentAction) => void;
  readonly download: () => void;
}

/** The incident of a thread. It is read again whenever `version` changes: the portal says each change there. */
function useIncident(id: string, version: string): Known {
  const { backend, store } = useApp();
  const [incident, setIncident] = useState<Incident>();
  const [problem, setProblem] = useState<IncidentProblem>();
  const [isBusy, setIsBusy] = useState(false);
  const isMounted = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is read again after changes
  useEffect(() => {
    let isWanted = true;
    isMounted.current = true;
    backend
      .incidents()
      .then(api => api.find(id, store.token))
      .then(
        found => isWanted && setIncident(found),
        // Without an answer the thread is shown without it; the next change tries again.
        () => undefined,
      );
    return () => {
      isWanted = false;
      isMounted.current = false;
    };
  }, [backend, store, id, version]);
  const perform = useCallback((work: () => Promise<void>) => {
    setIsBusy(true);
    setProblem(undefined);
    work()
      .catch(error => isMounted.current && setProblem(problemOf(error)))
      .finally(() => isMounted.current && setIsBusy(false));
  }, []);
  return {
    incident,
    problem,
    isBusy,
    act: action =>
      perform(async () => {
        const api = await backend.incidents();
        const changed = await api.act(id, action, newId(), store.token);
        announce(incidentsDictionary.peek().done[action]);
        if (isMounted.current) setIncident(changed);
      }),
    download: () =>
      perform(async () => {
        const api = await backend.incidents();
        saveFile(`incident-${id.slice(0, 8)}.md`, REPORT_TYPE, await api.report(id, store.token));
      }),
  };
}

interface ButtonsProps extends Known {
  readonly incident: Incident;
  readonly isArchived: boolean;
}

function Buttons({ incident, isArchived, isBusy, act, download }: ButtonsProps) {
  const { me, muted } = useApp().store.chat.value;
  const t = incidentsDictionary.value;
  const mayAct = me !== undefined && !muted && !isArchived;
  const isClosed = incident.status === "closed";
  const actions: readonly (readonly [IncidentAction, string])[] = isClosed
    ? [["reopen", t.reopen]]
    : [
        ...(incident.lead?.id === me?.id ? [] : ([["lead", t.takeLead]] as const)),
        ["close", t.close] as const,
      ];
  return (
    <div class="incident-actions">
      {mayAct &&
        actions.map(([action, label]) => (
          <button
            key={action}
            type="button"
            class="button small"
            disabled={isBusy}
            onClick={() => act(action)}
          >
            {label}
          </button>
        ))}
      <button type="button" class="button small" disabled={isBusy} title={t.reportTitle} onClick={download}>
        {t.report}
      </button>
    </div>
  );
}

interface IncidentHeadProps {
  /** The id of the first message of the thread. */
  readonly id: string;
  /** Changes with what may have changed the incident. */
  readonly version: string;
  readonly isArchived: boolean;
}

/** What a thread shows above its messages if it is an incident: its status, its lead, and what one can do. */
export default function IncidentHead({ id, version, isArchived }: IncidentHeadProps) {
  const known = useIncident(id, version);
  const { incident, problem } = known;
  const t = incidentsDictionary.value;
  if (!incident) return null;
  return (
    <section class="incident-head" aria-label={t.head}>
      <p>
        <IncidentStatus status={incident.status} />{" "}
        <span class="hint">{incident.lead ? <Sentence text={t.led(incident.lead.name)} /> : t.nobody}</span>
      </p>
      <Buttons {...known} incident={incident} isArchived={isArchived} />
      {problem && (
        <p class="problem" role="alert">
          {dictionary.value.error(problem)}
        </p>
      )}
    </section>
  );
}
