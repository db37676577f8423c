import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Message, File as StoredFile } from "../../../contract/generated";
import { conversationOf } from "../../../state/chat/messages";
import { formatMessageTime } from "../../../text/format";
import { useApp } from "../../app-context";
import { Dialog } from "../../dialog";
import { Time } from "../../time";
import { DownloadLink } from "./download-link";
import { filesDictionary } from "./files-dictionary";
import { useContent } from "./use-content";

/** How far a finger moves, in pixels, to show another image. */
const SWIPE_MIN = 40;

/** A message with files, or one that is being sent. */
export interface WithFiles extends Pick<Message, "id" | "room" | "user" | "timestamp"> {
  readonly files?: readonly StoredFile[] | undefined;
}

interface Picture {
  readonly file: StoredFile;
  readonly message: WithFiles;
}

const picturesOf = (message: WithFiles): readonly Picture[] =>
  (message.files ?? []).filter(file => file.width).map(file => ({ file, message }));

/** The images of a room as far as its messages are loaded; of a message that is not among them, its own. */
function usePictures(message: WithFiles): readonly Picture[] {
  const { messages } = conversationOf(useApp().store.chat.value, message.room);
  return useMemo(() => {
    const loaded = messages.filter(one => !one.removed).flatMap(picturesOf);
    return loaded.some(one => one.message.id === message.id) ? loaded : picturesOf(message);
  }, [messages, message]);
}

/** The place that a key leads to, from the image at `place` of `count`. */
function placeAfter(key: string, place: number, count: number): number | undefined {
  switch (key) {
    case "ArrowLeft":
    case "PageUp":
      return place - 1;
    case "ArrowRight":
    case "PageDown":
      return place + 1;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return undefined;
  }
}

interface GalleryProps {
  /** The message whose image was opened. */
  readonly message: WithFiles;
  /** The id of that image. */
  readonly first: string;
  readonly onClose: () => void;
}

/** The images of a room, one at a time. Keys and swipes go through them; a press shows one in its full size. */
export default function Gallery({ message, first, onClose }: GalleryProps) {
  const pictures = usePictures(message);
  const [shown, setShown] = useState(first);
  const [isFull, setFull] = useState(false);
  const touchedAt = useRef<number | undefined>(undefined);
  const place = Math.max(
    0,
    pictures.findIndex(one => one.file.id === shown),
  );
  const picture = pictures[place];
  const { url, failed } = useContent(picture?.file);
  const t = filesDictionary.value;
  const show = (wanted: number | undefined): boolean => {
    const next = wanted === undefined ? undefined : pictures[wanted];
    if (!next || next === picture) return false;
    setShown(next.file.id);
    setFull(false);
    return true;
  };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      // An image that is larger than the screen is scrolled by the same keys.
      if (isFull || event.altKey || event.ctrlKey || event.metaKey) return;
      if (show(placeAfter(event.key, place, pictures.length))) event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
  return (
    <Dialog title={t.gallery} onClose={onClose}>
      <div class="gallery">
        <div
          class={isFull ? "gallery-image full" : "gallery-image"}
          onTouchStart={({ touches }) => {
            touchedAt.current = touches.length === 1 ? touches[0]?.clientX : undefined;
          }}
          onTouchEnd={({ changedTouches }) => {
            const [from, to] = [touchedAt.current, changedTouches[0]?.clientX];
            if (isFull || from === undefined || to === undefined || Math.abs(to - from) < SWIPE_MIN) return;
            show(to < from ? place + 1 : place - 1);
          }}
        >
          {picture && url && (
            <button
              type="button"
              class="gallery-zoom"
              aria-pressed={isFull}
              aria-label={t.fullSize}
              title={t.fullSize}
              onClick={() => setFull(!isFull)}
            >
              <img src={url} alt={picture.file.name} />
            </button>
          )}
          {!url && !failed && <p class="hint">{t.loading}</p>}
          {failed && <p role="alert">{t.failed}</p>}
        </div>
        {picture && (
          <p class="gallery-about">
            <span class="hint">
              <bdi>{picture.message.user.name}</bdi>
              {" · "}
              <Time at={picture.message.timestamp} format={formatMessageTime} />
            </span>
          </p>
        )}
        <div class="gallery-bar">
          <button
            type="button"
            class="tool"
            aria-label={t.previous}
            title={t.previous}
            aria-disabled={place === 0}
            onClick={() => show(place - 1)}
          >
            <span class="icon icon-back" aria-hidden="true" />
          </button>
          <span role="status">{t.position(place + 1, pictures.length)}</span>
          <button
            type="button"
            class="tool gallery-next"
            aria-label={t.next}
            title={t.next}
            aria-disabled={place >= pictures.length - 1}
            onClick={() => show(place + 1)}
          >
            <span class="icon icon-back" aria-hidden="true" />
          </button>
          {picture && <DownloadLink key={picture.file.id} file={picture.file} />}
          <button type="button" class="button" onClick={onClose}>
            {t.close}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
