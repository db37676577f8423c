import { useRef, useState } from "preact/hooks";
import type { File as StoredFile } from "../../../contract/generated";
import { Lazy } from "../../lazy";
import { DownloadLink } from "./download-link";
import { filesDictionary } from "./files-dictionary";
import { useContent, useNear } from "./use-content";

const loadGallery = () => import(/* webpackChunkName: "gallery" */ "./gallery");

/** An image in a message. Its place has the right size before it is loaded, so that nothing moves. */
function InlineImage({ file, onOpen }: { readonly file: StoredFile; readonly onOpen: () => void }) {
  const place = useRef<HTMLButtonElement>(null);
  const { url, failed } = useContent(file.id, useNear(place));
  const t = filesDictionary.value;
  const { width = 1, height = 1 } = file;
  return (
    <button
      ref={place}
      type="button"
      class="inline-image"
      aria-label={t.open(file.name)}
      style={{
        aspectRatio: `${width} / ${height}`,
        width: `min(100%, ${Math.min(width, (320 * width) / height)}px)`,
      }}
      onClick={onOpen}
    >
      {url && <img src={url} alt="" width={width} height={height} />}
      {failed && <span class="inline-image-failed">{t.failed}</span>}
    </button>
  );
}

interface MessageFilesProps {
  readonly files: readonly StoredFile[];
  readonly room: string;
}

/** The files of a message: images in place, others to download. */
export default function MessageFiles({ files, room }: MessageFilesProps) {
  const [opened, setOpened] = useState<string>();
  const t = filesDictionary.value;
  return (
    <>
      <ul class="message-files" aria-label={t.files(files.length)}>
        {files.map(file => (
          <li key={file.id}>
            {file.width ? (
              <InlineImage file={file} onOpen={() => setOpened(file.id)} />
            ) : (
              <DownloadLink file={file} />
            )}
          </li>
        ))}
      </ul>
      {opened && (
        <Lazy load={loadGallery} props={{ room, first: opened, onClose: () => setOpened(undefined) }} />
      )}
    </>
  );
}
