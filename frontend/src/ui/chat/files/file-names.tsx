import type { File as StoredFile } from "../../../contract/generated";

/** The names of files, where a message is shown in brief. */
export const FileNames = ({ files }: { readonly files: readonly StoredFile[] }) => (
  <p class="file-names">
    <span class="icon icon-attach" aria-hidden="true" />
    {files.map((file, index) => (
      <span key={file.id}>
        {index > 0 && ", "}
        <bdi>{file.name}</bdi>
      </span>
    ))}
  </p>
);
