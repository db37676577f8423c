import type { Providers } from "../../../state/cloud/server-status";
import { AdoptDialog } from "./adopt-dialog";
import { CreateDialog } from "./create-dialog";
import { EditDialog } from "./edit-dialog";
import { RemoveDialog } from "./remove-dialog";
import { SchedulesDialog } from "./schedules-dialog";
import type { ServerDialog } from "./server-dialogs";

interface DialogHostProps {
  readonly dialog: ServerDialog;
  readonly providers: Providers;
  readonly onClose: () => void;
}

/** The dialogs about servers, which are loaded together. */
export default function DialogHost({ dialog, providers, onClose }: DialogHostProps) {
  switch (dialog.kind) {
    case "create":
      return <CreateDialog onClose={onClose} />;
    case "adopt":
      return <AdoptDialog providers={providers} onClose={onClose} />;
    case "schedules":
      return <SchedulesDialog onClose={onClose} />;
    case "edit":
      return <EditDialog id={dialog.id} onClose={onClose} />;
    case "remove":
      return <RemoveDialog ids={dialog.ids} onClose={onClose} />;
  }
}
