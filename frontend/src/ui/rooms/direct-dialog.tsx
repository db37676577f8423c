import { useMemo, useState } from "preact/hooks";
import { DIRECT_MAX } from "../../contract/generated";
import { useApp } from "../app-context";
import { FormDialog } from "../form-dialog";
import { goTo, hrefs } from "../place";
import { PeoplePicker } from "./people-picker";
import { roomsDictionary } from "./rooms-dictionary";
import { useRoomAction } from "./use-action";

/** Choose the people to talk to directly. */
export function DirectDialog({ onClose }: { readonly onClose: () => void }) {
  const { me } = useApp().store.chat.value;
  const action = useRoomAction();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const without = useMemo(() => new Set(me ? [me.id] : []), [me]);
  const t = roomsDictionary.value;
  const submit = async () => {
    if (chosen.size === 0) return;
    const room = await action.run((api, token) => api.direct([...chosen], token));
    if (!room) return;
    onClose();
    goTo(hrefs.room(room.id));
  };
  return (
    <FormDialog
      title={t.newDirect}
      confirm={t.start}
      isBusy={action.isBusy || chosen.size === 0}
      problem={action.rest("users")}
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      <PeoplePicker
        chosen={chosen}
        onChange={setChosen}
        max={DIRECT_MAX - 1}
        without={without}
        problem={action.at("users")}
      />
    </FormDialog>
  );
}
