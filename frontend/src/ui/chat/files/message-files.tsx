import { useRef, useState } from "preact/hooks";
import type { File as StoredFile } from "../../../contract/generated";
import { unmarked } from "../../../i18n/isolate";
import { Lazy } from "../../lazy";
import { DownloadLink } from "./download-link";
import { filesDictionary } from "./files-dictionary";
import type { WithFiles } from "./gallery";
import { scaleOf } from "./thumbnail";
import { useContent, useNear } from "./use-content";

const loadGallery = () => import(/* webpackChunkName: "gallery" */ "./gallery");

/** An image in a message. Its place has the right size before it is loaded, so that nothing moves. */
function InlineImage({ file, onOpen }: { readonly file: StoredFile; readonly onOpen: () => void }) {
  const place = useRef<HTMLButtonElement>(null);
  const { url, failed } = useContent(file, { isWanted: useNear(place), isSmall: true });
  const t = filesDictionary.value;
  const { width = 1, height = 1 } = file;
  return (
    <button
      ref={place}
      type="button"
      class="inline-image"
      aria-label={unmarked(t.open(file.name))}
      title={file.name}
      style={{
        aspectRatio: `${width} / ${height}`,
        width: `min(100%, ${width * scaleOf(width, height)}px)`,
      }}
      onClick={onOpen}
    >
      {url && <img src={url} alt="" width={width} height={height} decoding="async" />}
      {failed && <span class="inline-image-failed">{t.failed}</span>}
    </button>
  );
}

/** The files of a message: images in place, others to download. */
export default function MessageFiles({ message }: { readonly message: WithFiles }) {
  const [opened, setOpened] = useState<string>();
  const t = filesDictionary.value;
  const { files = [] } = message;
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
        <Lazy load={loadGallery} props={{ message, first: opened, onClose: () => setOpened(undefined) }} />
      )}
    </>
  );
}
