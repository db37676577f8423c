import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../../api/errors";
import type { DeviceLink, ErrorCode } from "../../contract/generated";
import { formatMessageTime } from "../../text/format";
import { useApp } from "../app-context";
import { Dialog } from "../dialog";
import { Sentence } from "../sentence";
import { dictionary } from "../settings/preferences";
import { LinkBox } from "./link-box";
import { peopleDictionary } from "./people-dictionary";
import { absoluteLink } from "./people-state";
import { QrCode } from "./qr-code";

/** A link, and its code, that signs in another device of the user. */
export function DeviceLinkDialog({ onClose }: { readonly onClose: () => void }) {
  const { backend, store } = useApp();
  const t = peopleDictionary.value;
  const [made, setMade] = useState<DeviceLink>();
  const [problem, setProblem] = useState<ErrorCode | "unreachable">();
  const { me } = store.chat.value;

  const make = async () => {
    const { token } = store;
    if (token === undefined) return onClose();
    setProblem(undefined);
    try {
      setMade(await (await backend.people()).linkDevice(token));
    } catch (error) {
      setProblem(error instanceof ApiError ? error.code : "unreachable");
    }
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: a link for each time the dialog is opened
  useEffect(() => void make(), []);

  const link = made && absoluteLink(made.link);
  return (
    <Dialog title={t.device} onClose={onClose}>
      {me && (
        <p>
          <Sentence text={t.deviceText(me.name)} />
        </p>
      )}
      {link && (
        <>
          <QrCode text={link} label={t.code} />
          <LinkBox link={link} />
          <p class="hint">
            {t.deviceHint} {t.endsAt(formatMessageTime(made.until))}
          </p>
        </>
      )}
      <p class="problem" role="alert">
        {problem && dictionary.value.error(problem)}
      </p>
      <div class="dialog-actions">
        <button type="button" class="button quiet" onClick={() => void make()}>
          {problem ? t.again : t.newLink}
        </button>
        <button type="button" class="button primary" onClick={onClose}>
          {t.done}
        </button>
      </div>
    </Dialog>
  );
}
