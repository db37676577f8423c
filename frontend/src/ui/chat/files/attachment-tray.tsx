import { useEffect, useMemo } from "preact/hooks";
import { unmarked } from "../../../i18n/isolate";
import { formatFileSize } from "../../../text/file-size";
import { dictionary, language } from "../../settings/preferences";
import { type Attachment, type Attachments, FILES_MAX } from "./attachments";
import { filesDictionary } from "./files-dictionary";

const PREVIEWED = /^image\/(png|jpeg|webp|gif)$/;

/** The address of a picture of the file, while it is shown; undefined if it is no image. */
function usePreview(source: Blob): string | undefined {
  const url = useMemo(
    () => (PREVIEWED.test(source.type) ? URL.createObjectURL(source) : undefined),
    [source],
  );
  useEffect(() => () => url && URL.revokeObjectURL(url), [url]);
  return url;
}

function Item({
  attachment,
  attachments,
}: {
  readonly attachment: Attachment;
  readonly attachments: Attachments;
}) {
  const { id, name, source, progress, stored, failure } = attachment;
  const t = filesDictionary.value;
  const preview = usePreview(source);
  const percent = Math.round(progress * 100);
  return (
    <li class={failure ? "attachment problem" : "attachment"}>
      {preview ? <img src={preview} alt="" /> : <span class="icon icon-attach" aria-hidden="true" />}
      <span class="attachment-about">
        <bdi class="attachment-name">{name}</bdi>
        <span class="attachment-state">
          {failure
            ? dictionary.value.error(failure)
            : stored
              ? formatFileSize(stored.size, language.value, t.units)
              : t.uploading(percent)}
        </span>
        {!stored && !failure && <progress max={100} value={percent} aria-label={name} />}
      </span>
      {failure && (
        <button
          type="button"
          class="tool"
          aria-label={unmarked(t.retry(name))}
          title={t.retry(name)}
          onClick={() => attachments.retry(id)}
        >
          <span class="icon icon-restart" aria-hidden="true" />
        </button>
      )}
      <button
        type="button"
        class="tool"
        aria-label={unmarked(t.cancel(name))}
        title={t.cancel(name)}
        onClick={() => attachments.remove(id)}
      >
        <span class="icon icon-close" aria-hidden="true" />
      </button>
    </li>
  );
}

/** The files of the message that is being written. */
export default function AttachmentTray({ attachments }: { readonly attachments: Attachments }) {
  const t = filesDictionary.value;
  const list = attachments.list.value;
  return (
    <>
      {list.length > 0 && (
        <ul class="attachments" aria-label={t.attached}>
          {list.map(one => (
            <Item key={one.id} attachment={one} attachments={attachments} />
          ))}
        </ul>
      )}
      <p class="composer-note" role="status">
        {attachments.hasTooMany.value && t.tooMany(FILES_MAX)}
      </p>
    </>
  );
}
