import { useRef } from "preact/hooks";
import { filesDictionary } from "./files-dictionary";

/** The button that chooses files. */
export default function AttachButton({ onFiles }: { readonly onFiles: (files: readonly File[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const { attach } = filesDictionary.value;
  return (
    <>
      <button
        type="button"
        class="tool"
        aria-label={attach}
        title={attach}
        onClick={() => input.current?.click()}
      >
        <span class="icon icon-attach" aria-hidden="true" />
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={({ currentTarget }) => {
          onFiles([...(currentTarget.files ?? [])]);
          currentTarget.value = ""; // so that the same file can be chosen again
        }}
      />
    </>
  );
}
