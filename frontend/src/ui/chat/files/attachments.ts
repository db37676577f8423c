import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { Backend } from "../../../api/backend";
import { ApiError } from "../../../api/errors";
import type { ErrorCode, File as StoredFile } from "../../../contract/generated";

/** The most files of a message. */
export const FILES_MAX = 10;

/** A file that will be part of the message that is being written. */
export interface Attachment {
  readonly id: string;
  readonly name: string;
  readonly source: Blob;
  /** The share that was uploaded, from 0 to 1. */
  readonly progress: number;
  /** The file, once it is uploaded. */
  readonly stored?: StoredFile;
  /** Why the upload failed. */
  readonly failure?: ErrorCode | "unreachable";
}

export interface Attachments {
  readonly list: ReadonlySignal<readonly Attachment[]>;
  /** Whether more files were chosen than a message can have. */
  readonly hasTooMany: ReadonlySignal<boolean>;
  /** Whether all are uploaded. */
  readonly isReady: ReadonlySignal<boolean>;
  add(files: readonly File[]): void;
  retry(id: string): void;
  /** Remove a file; its upload is cancelled. */
  remove(id: string): void;
  /** Remove all, and return those that are uploaded. */
  take(): readonly StoredFile[];
}

interface Uploader {
  readonly backend: Backend;
  readonly room: string;
  readonly token: () => string | undefined;
  readonly newId: () => string;
}

/** The files that are attached to the next message of a room. Each is uploaded as soon as it is chosen. */
export function createAttachments({ backend, room, token, newId }: Uploader): Attachments {
  const list = signal<readonly Attachment[]>([]);
  const hasTooMany = signal(false);
  const running = new Map<string, AbortController>();

  const change = (id: string, changes: Partial<Attachment>) => {
    list.value = list.value.map(one => (one.id === id ? { ...one, ...changes } : one));
  };

  const upload = async ({ id, name, source }: Attachment): Promise<void> => {
    const controller = new AbortController();
    running.set(id, controller);
    try {
      const [api, { withoutMetadata }] = await Promise.all([backend.files(), import("./prepare-image")]);
      const file = await withoutMetadata(source);
      const stored = await api.upload({
        file,
        room,
        name,
        key: id,
        token: token(),
        onProgress: progress => change(id, { progress }),
        signal: controller.signal,
      });
      change(id, { stored, progress: 1 });
    } catch (error) {
      change(id, { failure: error instanceof ApiError ? error.code : "unreachable" });
    } finally {
      running.delete(id);
    }
  };

  const start = (attachment: Attachment) => void upload(attachment);

  const remove = (id: string) => {
    running.get(id)?.abort();
    list.value = list.value.filter(one => one.id !== id);
    hasTooMany.value = false;
  };

  return {
    list,
    hasTooMany,
    isReady: computed(() => list.value.every(one => one.stored !== undefined)),
    add(files) {
      const free = FILES_MAX - list.value.length;
      hasTooMany.value = files.length > free;
      const added = files
        .slice(0, free)
        .map(file => ({ id: newId(), name: file.name || "image.png", source: file, progress: 0 }));
      list.value = [...list.value, ...added];
      added.forEach(start);
    },
    retry(id) {
      const found = list.value.find(one => one.id === id);
      if (!found) return;
      list.value = list.value.map(one =>
        one === found ? { id, name: one.name, source: one.source, progress: 0 } : one,
      );
      start(found);
    },
    remove,
    take() {
      const stored = list.value.flatMap(one => one.stored ?? []);
      for (const one of list.value) if (!one.stored) running.get(one.id)?.abort();
      list.value = [];
      hasTooMany.value = false;
      return stored;
    },
  };
}
