import { useCallback, useState } from "preact/hooks";
import type { ServersApi } from "../../../api/backend";
import { ApiError } from "../../../api/errors";
import type { NewSchedule } from "../../../contract/generated";
import { unmarked } from "../../../i18n/isolate";
import { announce } from "../../announcer";
import { useApp } from "../../app-context";
import { Dialog } from "../../dialog";
import { FormDialog } from "../../form-dialog";
import { dictionary } from "../../settings/preferences";
import { serversDictionary } from "../servers/servers-dictionary";
import { useMayCommand } from "../use-may-command";
import { ownZone, type ScheduleField, type ScheduleForm, scheduleOf } from "./new-schedule";
import { ScheduleFields } from "./schedule-fields";
import { ScheduleList } from "./schedule-list";
import { schedulesDictionary } from "./schedules-dictionary";
import { useLoaded } from "./use-loaded";

type Perform = <T>(work: (api: ServersApi, token: string | undefined) => Promise<T>) => Promise<T>;

const FIELDS: Readonly<Record<string, ScheduleField>> = {
  ...{ name: "name", ids: "servers", selector: "servers", at: "moment", cron: "cron", zone: "zone" },
};

const emptyForm = (): ScheduleForm => ({
  ...{ name: "", command: "stop", servers: "", repeat: "day" },
  ...{ moment: "", clock: "19:00", cron: "", zone: ownZone() },
});

const problemText = (error: unknown): string =>
  dictionary.value.error(error instanceof ApiError ? error.code : "unreachable");

interface NewScheduleDialogProps {
  readonly perform: Perform;
  /** Called when it is closed, with the name of what was made. */
  readonly onClose: (made?: string) => void;
}

function NewScheduleDialog({ perform, onClose }: NewScheduleDialogProps) {
  const [form, setForm] = useState(emptyForm);
  const [wrong, setWrong] = useState<ScheduleField>();
  const [problem, setProblem] = useState("");
  const [isBusy, setIsBusy] = useState(false);
  const t = schedulesDictionary.value;
  const send = async (request: NewSchedule) => {
    setIsBusy(true);
    try {
      onClose((await perform((api, token) => api.schedule(request, token))).name);
    } catch (error) {
      const isTaken = error instanceof ApiError && error.code === "name_taken";
      const field = error instanceof ApiError ? FIELDS[error.problem.field ?? ""] : undefined;
      if (!isTaken && field) setWrong(field);
      else setProblem(isTaken ? t.nameTaken : problemText(error));
      setIsBusy(false);
    }
  };
  const submit = () => {
    const made = scheduleOf(form);
    setProblem("");
    setWrong(typeof made === "string" ? made : undefined);
    if (typeof made !== "string") void send(made);
  };
  return (
    <FormDialog
      title={t.add}
      confirm={t.create}
      isBusy={isBusy}
      problem={problem}
      onSubmit={submit}
      onClose={() => onClose()}
    >
      <ScheduleFields
        form={form}
        wrong={wrong}
        onChange={change => {
          setForm(before => ({ ...before, ...change }));
          setWrong(undefined);
        }}
      />
    </FormDialog>
  );
}

/** The schedules: list, make and remove them. */
export function SchedulesDialog({ onClose }: { readonly onClose: () => void }) {
  const { backend, store } = useApp();
  const mayCommand = useMayCommand();
  const [isMaking, setIsMaking] = useState(false);
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const perform = useCallback<Perform>(
    async work => work(await backend.servers(), store.token),
    [backend, store],
  );
  const load = useCallback(() => perform((api, token) => api.schedules(token)), [perform]);
  const { value: schedules, failed, again } = useLoaded(load);
  const t = schedulesDictionary.value;
  const remove = async (name: string) => {
    setIsBusy(true);
    setProblem("");
    try {
      await perform((api, token) => api.unschedule(name, token));
      announce(unmarked(t.removed(name)));
      again();
    } catch (error) {
      setProblem(problemText(error));
    }
    setIsBusy(false);
  };
  if (isMaking)
    return (
      <NewScheduleDialog
        perform={perform}
        onClose={made => {
          setIsMaking(false);
          if (made === undefined) return;
          announce(unmarked(t.created(made)));
          again();
        }}
      />
    );
  return (
    <Dialog title={t.title} onClose={onClose}>
      <div class="form">
        <p class="hint">{t.about}</p>
        {failed ? (
          <p class="problem" role="alert">
            {t.failed}{" "}
            <button type="button" class="link-button" onClick={again}>
              {serversDictionary.value.again}
            </button>
          </p>
        ) : schedules ? (
          <ScheduleList
            schedules={schedules}
            isBusy={isBusy}
            onRemove={mayCommand ? name => void remove(name) : undefined}
          />
        ) : (
          <p class="hint">{t.loading}</p>
        )}
        <p class="problem" role="alert">
          {problem}
        </p>
        <div class="dialog-actions">
          <button type="button" class="button quiet" onClick={onClose}>
            {t.close}
          </button>
          {mayCommand && (
            <button type="button" class="button primary" onClick={() => setIsMaking(true)}>
              {t.add}
            </button>
          )}
        </div>
      </div>
    </Dialog>
  );
}
