import { useState } from "preact/hooks";
import type { File as StoredFile } from "../../../contract/generated";
import { unmarked } from "../../../i18n/isolate";
import { formatFileSize } from "../../../text/file-size";
import { useApp } from "../../app-context";
import { language } from "../../settings/preferences";
import { filesDictionary } from "./files-dictionary";

/** How long the address of a download stays valid; browsers read it at once. */
const KEPT_MS = 60_000;

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}

/** A button that downloads a file. The request needs the token, so a plain link could not. */
export function DownloadLink({ file }: { readonly file: StoredFile }) {
  const { backend, store } = useApp();
  const [state, setState] = useState<"loading" | "failed">();
  const t = filesDictionary.value;
  const size = formatFileSize(file.size, language.value, t.units);
  const download = async () => {
    setState("loading");
    try {
      const api = await backend.files();
      save(await api.content(file.id, store.chat.peek().token, new AbortController().signal), file.name);
      setState(undefined);
    } catch {
      setState("failed");
    }
  };
  return (
    <button
      type="button"
      class="file-link"
      aria-label={unmarked(t.download(file.name, size))}
      aria-busy={state === "loading"}
      onClick={() => void download()}
    >
      <span class="icon icon-down" aria-hidden="true" />
      <bdi class="file-name">{file.name}</bdi>
      <span class="file-size" role="status">
        {state === "failed" ? t.failed : state === "loading" ? t.downloading : size}
      </span>
    </button>
  );
}
