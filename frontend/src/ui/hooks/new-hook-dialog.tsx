import { useId, useState } from "preact/hooks";
import { type HookWithSecret, NAME_MAX } from "../../contract/generated";
import { ROOM } from "../../state/chat/model";
import { isBlank } from "../../text/typed";
import { useApp } from "../app-context";
import { FormDialog } from "../form-dialog";
import { plainLabel } from "../rooms/room-label";
import { sortedRooms } from "../rooms/room-order";
import { dictionary } from "../settings/preferences";
import { hooksDictionary } from "./hooks-dictionary";
import { type HookProblem, type Hooks, problemOf } from "./use-hooks";

interface NewHookDialogProps {
  readonly perform: Hooks["perform"];
  readonly onMade: (made: HookWithSecret) => void;
  readonly onClose: () => void;
}

/** Asks what a new hook is called, and in which room it posts. */
export function NewHookDialog({ perform, onMade, onClose }: NewHookDialogProps) {
  const { chat } = useApp().store;
  const [name, setName] = useState("");
  const [room, setRoom] = useState(ROOM);
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<HookProblem>();
  const hintId = useId();
  const t = hooksDictionary.value;
  const { rooms, me } = chat.value;
  const choices = sortedRooms([...rooms.values()]).filter(one => !one.room.archived);
  const submit = async () => {
    if (isBlank(name)) return;
    setIsBusy(true);
    setProblem(undefined);
    try {
      onMade(await perform((api, token) => api.create({ name: name.trim(), room }, token)));
    } catch (error) {
      setProblem(problemOf(error));
      setIsBusy(false);
    }
  };
  return (
    <FormDialog
      title={t.newTitle}
      confirm={t.create}
      isBusy={isBusy}
      problem={problem ? dictionary.value.error(problem) : ""}
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      <label class="field">
        <span>{t.name}</span>
        <input
          dir="auto"
          autocomplete="off"
          maxLength={NAME_MAX}
          value={name}
          aria-describedby={hintId}
          aria-invalid={problem === "name_invalid" || problem === "name_taken"}
          onInput={event => setName(event.currentTarget.value)}
        />
      </label>
      <p id={hintId} class="hint">
        {t.nameHint}
      </p>
      <label class="field">
        <span>{t.room}</span>
        <select value={room} onChange={event => setRoom(event.currentTarget.value)}>
          {choices.map(state => (
            <option key={state.room.id} value={state.room.id}>
              {plainLabel(state, me)}
            </option>
          ))}
        </select>
      </label>
    </FormDialog>
  );
}
