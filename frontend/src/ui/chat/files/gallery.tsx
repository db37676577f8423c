import { useEffect, useMemo, useState } from "preact/hooks";
import { conversationOf } from "../../../state/chat/messages";
import { useApp } from "../../app-context";
import { Dialog } from "../../dialog";
import { DownloadLink } from "./download-link";
import { filesDictionary } from "./files-dictionary";
import { useContent } from "./use-content";

interface GalleryProps {
  readonly room: string;
  /** The id of the image that is shown first. */
  readonly first: string;
  readonly onClose: () => void;
}

/** The images of a room, one at a time, as far as its messages are loaded. The arrow keys go through them. */
export default function Gallery({ room, first, onClose }: GalleryProps) {
  const { store } = useApp();
  const { messages } = conversationOf(store.chat.value, room);
  const images = useMemo(
    () => messages.flatMap(one => (one.removed ? [] : (one.files ?? []))).filter(file => file.width),
    [messages],
  );
  const [shown, setShown] = useState(first);
  const place = Math.max(
    0,
    images.findIndex(file => file.id === shown),
  );
  const file = images[place];
  const { url, failed } = useContent(file?.id ?? "", file !== undefined);
  const t = filesDictionary.value;
  const go = (step: number) => {
    const next = images[place + step];
    if (next) setShown(next.id);
  };
  useEffect(() => {
    const press = ({ key }: KeyboardEvent) => {
      if (key === "ArrowLeft") go(-1);
      if (key === "ArrowRight") go(1);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
  return (
    <Dialog title={t.gallery} onClose={onClose}>
      <div class="gallery">
        <div class="gallery-image">
          {file && url && <img src={url} alt={file.name} />}
          {failed && <p role="alert">{t.failed}</p>}
        </div>
        <div class="gallery-bar">
          <button
            type="button"
            class="tool"
            aria-label={t.previous}
            aria-disabled={place === 0}
            onClick={() => go(-1)}
          >
            <span class="icon icon-back" aria-hidden="true" />
          </button>
          <span role="status">{t.position(place + 1, images.length)}</span>
          <button
            type="button"
            class="tool gallery-next"
            aria-label={t.next}
            aria-disabled={place >= images.length - 1}
            onClick={() => go(1)}
          >
            <span class="icon icon-back" aria-hidden="true" />
          </button>
          {file && <DownloadLink key={file.id} file={file} />}
          <button type="button" class="button" onClick={onClose}>
            {t.close}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
