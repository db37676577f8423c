import type { FilesApi } from "../../api/backend";
import { ApiError } from "../../api/errors";
import type { File as StoredFile } from "../../contract/generated";

interface Kept {
  readonly file: StoredFile;
  readonly content: Blob;
}

const SHOWN = /^image\/(png|jpeg|webp|gif)$/;

async function sizeOf(content: Blob): Promise<Pick<StoredFile, "width" | "height">> {
  if (!SHOWN.test(content.type)) return {};
  const { width, height } = await createImageBitmap(content);
  return { width, height };
}

/** The files of the mock server, until the page is left. */
export class MockFiles {
  private readonly kept = new Map<string, Kept>();

  get(id: string): StoredFile[] {
    const found = this.kept.get(id);
    return found ? [found.file] : [];
  }

  readonly api: FilesApi = {
    upload: async ({ file, name, key, onProgress }) => {
      const size = await sizeOf(file);
      const type = file.type || "application/octet-stream";
      const stored = { id: key, name, type, size: file.size, ...size };
      this.kept.set(key, { file: stored, content: file });
      onProgress(1);
      return stored;
    },
    content: async id => {
      const found = this.kept.get(id);
      if (!found) throw new ApiError({ code: "file_unknown", detail: "there is no such file" });
      return found.content;
    },
  };
}
