import { useId, useMemo, useState } from "preact/hooks";
import { DESCRIPTION_MAX, ROOM_NAME_MAX, type Room, type RoomPatch } from "../../contract/generated";
import { newId } from "../../session/ids";
import { isBlank, lengthOf, tidyName } from "../../text/typed";
import { FormDialog } from "../form-dialog";
import { goTo, hrefs } from "../place";
import { TextField } from "../text-field";
import { roomsDictionary } from "./rooms-dictionary";
import { useRoomAction } from "./use-action";

interface RoomFormProps {
  /** The room to change; without it, one is created. */
  readonly room?: Room;
  readonly onClose: () => void;
}

/** What of a room has been changed. */
function patchOf(room: Room, name: string, description: string): RoomPatch {
  return {
    ...(tidyName(name) === room.name ? {} : { name }),
    ...(description.trim() === (room.description ?? "") ? {} : { description }),
  };
}

/** Create a room, or change its name and description. */
export function RoomForm({ room, onClose }: RoomFormProps) {
  const action = useRoomAction();
  const t = roomsDictionary.value;
  const [name, setName] = useState(room?.name ?? "");
  const [description, setDescription] = useState(room?.description ?? "");
  const [isPrivate, setPrivate] = useState(false);
  const [wrongName, setWrongName] = useState(false);
  const key = useMemo(newId, []);
  const descriptionId = useId();
  const descriptionProblem = action.at("description");

  const submit = async () => {
    const isWrong = isBlank(name) || lengthOf(tidyName(name)) > ROOM_NAME_MAX;
    setWrongName(isWrong);
    if (isWrong) return;
    const done = await action.run(async (api, token) => {
      if (!room) return api.create({ name, description, private: isPrivate }, key, token);
      const patch = patchOf(room, name, description);
      return Object.keys(patch).length > 0 ? api.change(room.id, patch, token) : room;
    });
    // What is wrong is described at its field.
    if (!done) return document.querySelector<HTMLElement>("dialog [aria-invalid=true]")?.focus();
    onClose();
    if (!room) goTo(hrefs.room(done.id));
  };
  return (
    <FormDialog
      title={room ? t.editTitle : t.newRoom}
      confirm={room ? t.save : t.create}
      isBusy={action.isBusy}
      problem={action.rest("name", "description")}
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      <TextField
        label={t.name}
        value={name}
        problem={(wrongName && t.problem("name_invalid")) || action.at("name")}
        onInput={setName}
      />
      <div class="field">
        <label for={descriptionId}>{t.description}</label>
        <textarea
          id={descriptionId}
          rows={3}
          dir="auto"
          maxLength={DESCRIPTION_MAX}
          value={description}
          aria-invalid={descriptionProblem !== ""}
          aria-describedby={`${descriptionId}-hint ${descriptionId}-problem`}
          onInput={event => setDescription(event.currentTarget.value)}
        />
        <p class="hint" id={`${descriptionId}-hint`}>
          {t.descriptionHint}
        </p>
        <p class="problem" id={`${descriptionId}-problem`} role="alert">
          {descriptionProblem}
        </p>
      </div>
      {!room && (
        <label class="check">
          <input
            type="checkbox"
            checked={isPrivate}
            onChange={event => setPrivate(event.currentTarget.checked)}
          />
          {t.isPrivate}
        </label>
      )}
    </FormDialog>
  );
}
