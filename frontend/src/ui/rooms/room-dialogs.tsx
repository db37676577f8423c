import { BrowseDialog } from "./browse-dialog";
import { DirectDialog } from "./direct-dialog";
import { roomDialog } from "./room-dialog-state";
import { RoomForm } from "./room-form";

const close = () => {
  roomDialog.value = undefined;
};

/** The dialogs about rooms that the list opens, which are loaded together. */
export default function RoomDialogs() {
  switch (roomDialog.value) {
    case "new":
      return <RoomForm onClose={close} />;
    case "browse":
      return <BrowseDialog onClose={close} />;
    case "direct":
      return <DirectDialog onClose={close} />;
    case undefined:
      return null;
    default:
      return roomDialog.value satisfies never;
  }
}
