import { DeviceLinkDialog } from "./device-link-dialog";
import { JoinLinkDialog } from "./join-link-dialog";
import { deviceDialog, linkSecret } from "./people-state";
import { SignOutDialog } from "./sign-out-dialog";

/** The dialogs about the user's devices, which are loaded when one is opened. */
export default function DeviceDialogs() {
  const kind = deviceDialog.value;
  const close = () => {
    deviceDialog.value = undefined;
  };
  const closeLink = () => {
    linkSecret.value = undefined;
  };
  return (
    <>
      {linkSecret.value && (
        <JoinLinkDialog key={linkSecret.value} secret={linkSecret.value} onClose={closeLink} />
      )}
      {kind === "link" && <DeviceLinkDialog onClose={close} />}
      {(kind === "here" || kind === "everywhere") && <SignOutDialog scope={kind} onClose={close} />}
    </>
  );
}
