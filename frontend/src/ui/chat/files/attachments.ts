import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { Backend } from "../../../api/backend";
import { ApiError, isTransient } from "../../../api/errors";
import type { ErrorCode, File as StoredFile } from "../../../contract/generated";

/** The most files of a message. */
export const FILES_MAX = 10;
/** How long to wait before each retry of an upload that was interrupted. */
const RETRIES_MS = [1_000, 4_000, 15_000] as const;
/** The server deletes a file after an hour without a message; an older one is uploaded again before it is sent. */
const FRESH_MS = 50 * 60_000;

/** A file that will be part of the message that is being written. */
export interface Attachment {
  /** Identifies the upload: with the same id, the server stores the file once. */
  readonly id: string;
  readonly name: string;
  readonly source: Blob;
  /** The share that was uploaded, from 0 to 1. */
  readonly progress: number;
  /** The file, once it is uploaded, and when that was. */
  readonly stored?: StoredFile;
  readonly storedAt?: number;
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
  /** Upload again what the server may have deleted. Returns whether there is any. */
  refresh(): boolean;
  /** Remove all, and return those that are uploaded. */
  take(): readonly StoredFile[];
}

interface Uploader {
  readonly backend: Pick<Backend, "files">;
  readonly room: string;
  readonly token: () => string | undefined;
  readonly newId: () => string;
  readonly now?: () => number;
}

const pause = (ms: number, { signal: cancelled }: AbortController): Promise<void> =>
  new Promise(resolve => {
    const timer = setTimeout(resolve, ms);
    cancelled.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });

/** The files that are attached to the next message of a room. Each is uploaded as soon as it is chosen. */
export function createAttachments({ backend, room, token, newId, now = Date.now }: Uploader): Attachments {
  const list = signal<readonly Attachment[]>([]);
  const hasTooMany = signal(false);
  const running = new Map<string, AbortController>();

  const change = (id: string, changes: Partial<Attachment>) => {
    list.value = list.value.map(one => (one.id === id ? { ...one, ...changes } : one));
  };

  const attempt = async ({ id, name, source }: Attachment, { signal: cancelled }: AbortController) => {
    const [api, { withoutMetadata }] = await Promise.all([backend.files(), import("../../../images/strip")]);
    return await api.upload({
      ...{ file: await withoutMetadata(source), room, name, key: id, token: token() },
      onProgress: progress => change(id, { progress }),
      signal: cancelled,
    });
  };

  const upload = async (attachment: Attachment): Promise<void> => {
    const { id } = attachment;
    const controller = new AbortController();
    running.set(id, controller);
    for (const delay of [...RETRIES_MS, undefined]) {
      try {
        const stored = await attempt(attachment, controller);
        change(id, { stored, storedAt: now(), progress: 1 });
        break;
      } catch (error) {
        if (controller.signal.aborted) break;
        if (delay === undefined || !isTransient(error)) {
          change(id, { failure: error instanceof ApiError ? error.code : "unreachable" });
          break;
        }
        change(id, { progress: 0 });
        await pause(delay, controller);
        if (controller.signal.aborted) break;
      }
    }
    if (running.get(id) === controller) running.delete(id);
  };

  const start = (attachment: Attachment) => void upload(attachment);

  /** Upload a file again: under the same id, which the server may know, or under another one. */
  const restart = (before: Attachment, id: string) => {
    const again = { id, name: before.name, source: before.source, progress: 0 };
    list.value = list.value.map(one => (one === before ? again : one));
    start(again);
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
      if (found) restart(found, id);
    },
    remove(id) {
      running.get(id)?.abort();
      list.value = list.value.filter(one => one.id !== id);
      hasTooMany.value = false;
    },
    refresh() {
      const old = list.value.filter(({ storedAt = Number.POSITIVE_INFINITY }) => now() - storedAt > FRESH_MS);
      for (const one of old) restart(one, newId());
      return old.length > 0;
    },
    take() {
      const stored = list.value.flatMap(one => one.stored ?? []);
      for (const controller of running.values()) controller.abort();
      list.value = [];
      hasTooMany.value = false;
      return stored;
    },
  };
}
