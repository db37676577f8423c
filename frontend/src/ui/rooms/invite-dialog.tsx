import { useMemo, useState } from "preact/hooks";
import { INVITED_MAX, type Room, type RoomMember } from "../../contract/generated";
import { FormDialog } from "../form-dialog";
import { PeoplePicker } from "./people-picker";
import { roomsDictionary } from "./rooms-dictionary";
import { useRoomAction } from "./use-action";

interface InviteDialogProps {
  readonly room: Room;
  readonly members: readonly RoomMember[];
  readonly onDone: () => void;
  readonly onClose: () => void;
}

/** Choose the people to add to a room. */
export function InviteDialog({ room, members, onDone, onClose }: InviteDialogProps) {
  const action = useRoomAction();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const without = useMemo(() => new Set(members.map(one => one.user.id)), [members]);
  const t = roomsDictionary.value;
  const submit = async () => {
    if (chosen.size === 0) return;
    const done = await action.run(async (api, token) => {
      await api.invite(room.id, [...chosen], token);
      return true;
    });
    if (!done) return;
    onDone();
    onClose();
  };
  return (
    <FormDialog
      title={t.inviteTitle(room.name ?? "")}
      confirm={t.invite}
      isBusy={action.isBusy || chosen.size === 0}
      problem={action.rest("users")}
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      <p class="hint">{t.inviteHint}</p>
      <PeoplePicker
        chosen={chosen}
        onChange={setChosen}
        max={INVITED_MAX}
        without={without}
        problem={action.at("users")}
      />
    </FormDialog>
  );
}
