import { useEffect, useId, useState } from "preact/hooks";
import type { NotificationSettings, NotifyLevel, PushView, QuietHours } from "../../contract/generated";
import { useApp } from "../app-context";
import { Dialog } from "../dialog";
import { mayNotify, notificationsWork } from "../settings/notification";
import { chooseNotifications, localStore, notifications } from "../settings/preferences";
import { notificationsDictionary } from "./notifications-dictionary";
import { pushChosen, soundChosen } from "./notifier";
import { pushWorks, subscribe, unsubscribe } from "./push";
import { playSound } from "./sound";

const LEVELS: readonly NotifyLevel[] = ["all", "mentions", "nothing"];
const NIGHT = { begin: "22:00", end: "07:00" } as const;

const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";

interface Shared {
  readonly problem: string;
  /** Do `work`, and show what went wrong. */
  readonly run: (work: () => Promise<void>) => void;
}

function useWork(failed: string): Shared & { readonly setProblem: (text: string) => void } {
  const [problem, setProblem] = useState("");
  const run = (work: () => Promise<void>) => {
    setProblem("");
    work().catch(() => setProblem(failed));
  };
  return { problem, run, setProblem };
}

interface QuietProps {
  readonly quiet: QuietHours | undefined;
  readonly onChange: (quiet: QuietHours | undefined) => void;
}

function Quiet({ quiet, onChange }: QuietProps) {
  const t = notificationsDictionary.value;
  const zone = quiet?.zone ?? ownZone();
  return (
    <fieldset class="notify-part">
      <legend class="visually-hidden">{t.quiet}</legend>
      <label class="check">
        <input
          type="checkbox"
          checked={quiet !== undefined}
          onChange={event => onChange(event.currentTarget.checked ? { ...NIGHT, zone } : undefined)}
        />
        <span>{t.quiet}</span>
      </label>
      {quiet && (
        <div class="notify-hours">
          {(["begin", "end"] as const).map(which => (
            <label key={which} class="field">
              <span>{t[which]}</span>
              <input
                type="time"
                required
                value={quiet[which]}
                onChange={({ currentTarget: { value } }) => {
                  // While it is being typed, it is no time. The zone is that of the device that chooses.
                  if (value) onChange({ ...quiet, [which]: value.slice(0, 5), zone: ownZone() });
                }}
              />
            </label>
          ))}
          <p class="hint">{t.zone(zone)}</p>
        </div>
      )}
    </fieldset>
  );
}

/** What the server knows, and changes of it. */
function useSettings({ run }: Shared) {
  const { backend, store } = useApp();
  const [loaded, setLoaded] = useState<NotificationSettings>();
  const [push, setPush] = useState<PushView>();
  const settings = store.chat.value.notify ?? loaded;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the dialog is opened
  useEffect(
    () =>
      run(async () => {
        const found = await (await backend.notifications()).get(store.token);
        setLoaded(found.settings);
        setPush(found.push);
      }),
    [],
  );
  const change = (body: Parameters<Awaited<ReturnType<typeof backend.notifications>>["change"]>[0]) =>
    run(async () => setLoaded(await (await backend.notifications()).change(body, store.token)));
  return { settings, push, setPush, change };
}

function Push({
  work,
  push,
  onPush,
}: {
  work: Shared;
  push?: PushView | undefined;
  onPush: (push: PushView) => void;
}) {
  const { backend, store } = useApp();
  const t = notificationsDictionary.value;
  const [chosen, setChosen] = useState(pushChosen() && push?.here === true);
  const [note, setNote] = useState("");
  if (!pushWorks()) return <p class="hint">{t.pushInsecure}</p>;
  if (!push) return <p class="hint">{t.pushOff}</p>;
  const choose = (wanted: boolean) =>
    work.run(async () => {
      const { token } = store;
      if (token === undefined) return;
      setNote("");
      const api = await backend.notifications();
      if (wanted && !(await mayNotify())) return setNote(t.blocked);
      const made = wanted ? await subscribe(api, token) : await api.unsubscribe(token);
      if (!wanted) await unsubscribe();
      if (!made) return setNote(t.pushFailed);
      localStore.set("push", wanted);
      setChosen(wanted);
      onPush(made);
    });
  return (
    <>
      <label class="check">
        <input type="checkbox" checked={chosen} onChange={event => choose(event.currentTarget.checked)} />
        <span>{t.push}</span>
      </label>
      {push.devices > 0 && <p class="hint">{t.devices(push.devices)}</p>}
      <p class="problem" role="alert">
        {note}
      </p>
    </>
  );
}

function ThisDevice({ onBlocked }: { readonly onBlocked: () => void }) {
  const t = notificationsDictionary.value;
  const [canNotify] = useState(notificationsWork);
  const [sound, setSound] = useState(soundChosen);
  const chooseDesktop = async (wanted: boolean) => {
    const granted = wanted && (await mayNotify());
    if (wanted && !granted) onBlocked();
    chooseNotifications(granted);
  };
  const chooseSound = (wanted: boolean) => {
    localStore.set("sound", wanted);
    setSound(wanted);
    if (wanted) void playSound();
  };
  return (
    <>
      {canNotify && (
        <label class="check">
          <input
            type="checkbox"
            checked={notifications.value}
            onChange={event => void chooseDesktop(event.currentTarget.checked)}
          />
          <span>{t.desktop}</span>
        </label>
      )}
      <label class="check">
        <input type="checkbox" checked={sound} onChange={event => chooseSound(event.currentTarget.checked)} />
        <span>{t.sound}</span>
      </label>
    </>
  );
}

/** What the user is notified of everywhere, when, and how on this device. Each change applies at once. */
export default function NotificationsDialog({ onClose }: { readonly onClose: () => void }) {
  const t = notificationsDictionary.value;
  const work = useWork(t.failed);
  const { settings, push, setPush, change } = useSettings(work);
  const levelId = useId();
  return (
    <Dialog title={t.title} onClose={onClose}>
      <div class="form">
        {settings ? (
          <>
            <p class="field">
              <label for={levelId}>{t.everywhere}</label>
              <select
                id={levelId}
                value={settings.level}
                onChange={event => change({ level: event.currentTarget.value as NotifyLevel })}
              >
                {LEVELS.map(level => (
                  <option key={level} value={level}>
                    {t.levels[level]}
                  </option>
                ))}
              </select>
              <span class="hint">{t.everywhereHint}</span>
            </p>
            <Quiet
              quiet={settings.quiet}
              onChange={quiet => change(quiet ? { quiet } : { quietOff: true })}
            />
          </>
        ) : (
          <p class="hint">{work.problem ? "" : t.loading}</p>
        )}
        <fieldset class="notify-part">
          <legend>{t.here}</legend>
          <ThisDevice onBlocked={() => work.setProblem(t.blocked)} />
          {settings && <Push key={String(push?.here)} work={work} push={push} onPush={setPush} />}
        </fieldset>
        <p class="problem" role="alert">
          {work.problem}
        </p>
        <div class="dialog-actions">
          <button type="button" class="button primary" onClick={onClose}>
            {t.close}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
