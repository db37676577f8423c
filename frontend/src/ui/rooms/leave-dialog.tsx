import type { Room } from "../../contract/generated";
import { ROOM } from "../../state/chat/model";
import { FormDialog } from "../form-dialog";
import { goTo, hrefs } from "../place";
import { roomsDictionary } from "./rooms-dictionary";
import { useRoomAction } from "./use-action";

interface LeaveDialogProps {
  readonly room: Room;
  readonly onClose: () => void;
}

/** Asks before the user leaves a room to which they can't come back by themselves. */
export function LeaveDialog({ room, onClose }: LeaveDialogProps) {
  const action = useRoomAction();
  const t = roomsDictionary.value;
  const submit = async () => {
    const done = await action.run(async (api, token) => {
      await api.leave(room.id, token);
      return true;
    });
    if (!done) return;
    onClose();
    goTo(hrefs.room(ROOM));
  };
  return (
    <FormDialog
      title={t.leaveTitle(room.name ?? "")}
      confirm={t.leave}
      isBusy={action.isBusy}
      problem={action.problem?.text ?? ""}
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      <p>{t.leaveHint}</p>
    </FormDialog>
  );
}
