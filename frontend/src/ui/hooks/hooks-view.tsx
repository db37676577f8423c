import { useState } from "preact/hooks";
import type { Hook, HookWithSecret } from "../../contract/generated";
import { unmarked } from "../../i18n/isolate";
import { formatMessageTime } from "../../text/format";
import { announce } from "../announcer";
import { useApp } from "../app-context";
import { FormDialog } from "../form-dialog";
import { hrefs } from "../place";
import { plainLabel } from "../rooms/room-label";
import { Sentence } from "../sentence";
import { dictionary } from "../settings/preferences";
import { AddressDialog } from "./address-dialog";
import { hooksDictionary } from "./hooks-dictionary";
import { NewHookDialog } from "./new-hook-dialog";
import { type HookProblem, type Hooks, problemOf, useHooks } from "./use-hooks";

function RoomName({ id }: { readonly id: string }) {
  const { rooms, me } = useApp().store.chat.value;
  const state = rooms.get(id);
  // The admin may not be in the room.
  return state ? <a href={hrefs.room(id)}>{plainLabel(state, me)}</a> : <code>{id}</code>;
}

interface HookRowProps {
  readonly hook: Hook;
  readonly onRotate: () => void;
  readonly onRemove: () => void;
}

function HookRow({ hook, onRotate, onRemove }: HookRowProps) {
  const t = hooksDictionary.value;
  const { name, room, createdAt, createdBy, secrets } = hook;
  const [current, before] = secrets;
  return (
    <tr>
      <th scope="row">
        <bdi>{name}</bdi>
      </th>
      <td>
        <RoomName id={room} />
      </td>
      <td>
        <Sentence text={t.made(createdBy, formatMessageTime(createdAt))} />
      </td>
      <td>
        {current && t.valid(formatMessageTime(current.createdAt))}
        {before?.until && <span class="people-note">{t.oldUntil(formatMessageTime(before.until))}</span>}
      </td>
      <td class="people-tools">
        <button type="button" class="button small" aria-label={unmarked(t.rotateOf(name))} onClick={onRotate}>
          {t.rotate}
        </button>{" "}
        <button
          type="button"
          class="button small danger"
          aria-label={unmarked(t.removeOf(name))}
          onClick={onRemove}
        >
          {t.remove}
        </button>
      </td>
    </tr>
  );
}

interface QuestionProps {
  readonly title: string;
  readonly text: string;
  readonly confirm: string;
  readonly onConfirm: () => Promise<void>;
  readonly onClose: () => void;
}

/** A question before something is done, which says why it failed. */
function Question({ title, text, confirm, onConfirm, onClose }: QuestionProps) {
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<HookProblem>();
  const submit = async () => {
    setIsBusy(true);
    try {
      await onConfirm();
    } catch (error) {
      setProblem(problemOf(error));
      setIsBusy(false);
    }
  };
  return (
    <FormDialog
      title={title}
      confirm={confirm}
      isBusy={isBusy}
      problem={problem ? dictionary.value.error(problem) : ""}
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      <p>{text}</p>
    </FormDialog>
  );
}

type OpenDialog =
  | { readonly kind: "new" }
  | { readonly kind: "rotate" | "remove"; readonly hook: Hook }
  | { readonly kind: "address"; readonly made: HookWithSecret };

interface DialogsProps {
  readonly dialog: OpenDialog | undefined;
  readonly hooks: Hooks;
  readonly open: (dialog: OpenDialog | undefined) => void;
}

function Dialogs({ dialog, hooks: { perform, reload }, open }: DialogsProps) {
  const t = hooksDictionary.value;
  const onClose = () => open(undefined);
  const onMade = (made: HookWithSecret) => {
    open({ kind: "address", made });
    reload();
  };
  switch (dialog?.kind) {
    case "new":
      return <NewHookDialog perform={perform} onMade={onMade} onClose={onClose} />;
    case "address":
      return <AddressDialog made={dialog.made} onClose={onClose} />;
    case "rotate":
      return (
        <Question
          title={t.rotateOf(dialog.hook.name)}
          text={t.rotateText}
          confirm={t.rotate}
          onConfirm={async () => onMade(await perform((api, token) => api.rotate(dialog.hook.id, token)))}
          onClose={onClose}
        />
      );
    case "remove":
      return (
        <Question
          title={t.removeTitle(dialog.hook.name)}
          text={t.removeText}
          confirm={t.remove}
          onConfirm={async () => {
            await perform((api, token) => api.remove(dialog.hook.id, token));
            onClose();
            announce(t.removed);
            reload();
          }}
          onClose={onClose}
        />
      );
    case undefined:
      return null;
    default:
      return dialog satisfies never;
  }
}

/** The hooks, for those who manage them. */
function Directory() {
  const t = hooksDictionary.value;
  const loaded = useHooks();
  const [dialog, setDialog] = useState<OpenDialog>();
  const { hooks = [], problem } = loaded;
  return (
    <section class="people-view" aria-label={t.title}>
      <header class="people-head hooks-head">
        <h1>{t.title}</h1>
        <p class="hint">
          {t.about}{" "}
          <a href="docs/alerts/" target="_blank" rel="noopener">
            {t.help}
          </a>
        </p>
        <button type="button" class="button primary" onClick={() => setDialog({ kind: "new" })}>
          {t.add}
        </button>
      </header>
      <div class="people-body">
        {problem && (
          <p class="problem" role="alert">
            {t.failed} {dictionary.value.error(problem)}
          </p>
        )}
        {hooks.length > 0 ? (
          <table class="people-table">
            <thead>
              <tr>
                <th scope="col">{t.columns.name}</th>
                <th scope="col">{t.columns.room}</th>
                <th scope="col">{t.columns.made}</th>
                <th scope="col">{t.columns.secret}</th>
                <td />
              </tr>
            </thead>
            <tbody>
              {hooks.map(hook => (
                <HookRow
                  key={hook.id}
                  hook={hook}
                  onRotate={() => setDialog({ kind: "rotate", hook })}
                  onRemove={() => setDialog({ kind: "remove", hook })}
                />
              ))}
            </tbody>
          </table>
        ) : loaded.hooks ? (
          <div class="placeholder hooks-empty">
            <h2>{t.empty}</h2>
            <ol>
              {t.steps.map(step => (
                <li key={step}>{step}</li>
              ))}
            </ol>
          </div>
        ) : (
          <p class="hint">{problem ? "" : t.loading}</p>
        )}
      </div>
      <Dialogs dialog={dialog} hooks={loaded} open={setDialog} />
    </section>
  );
}

/** The page of hooks: for admins. */
export default function HooksView() {
  const { store } = useApp();
  const t = hooksDictionary.value;
  if (store.access.view.value?.may.includes("manage_hooks")) return <Directory />;
  return (
    <section class="people-view" aria-label={t.title}>
      <header class="people-head">
        <h1>{t.title}</h1>
      </header>
      <div class="people-body">
        <p class="hint">{t.adminOnly}</p>
      </div>
    </section>
  );
}
