import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { FilesApi, Upload } from "../../../api/backend";
import { ApiError, NetworkError } from "../../../api/errors";
import { createAttachments } from "./attachments";

const MINUTE = 60_000;

/** The outcome of each upload, in their order: an error, or nothing if it succeeds. */
function uploads(...outcomes: readonly (Error | undefined)[]) {
  const seen: Upload[] = [];
  const api: FilesApi = {
    upload: async request => {
      const error = outcomes[seen.length];
      seen.push(request);
      if (error) throw error;
      return { id: request.key, name: request.name, type: "text/plain", size: request.file.size };
    },
    content: async () => new Blob(),
  };
  let ids = 0;
  const attachments = createAttachments({
    ...{ backend: { files: async () => api }, room: "general", token: () => "token" },
    newId: () => `file-${++ids}`,
  });
  return { seen, attachments };
}

const file = (name: string) => new File(["text"], name, { type: "text/plain" });
const settle = (ms = 100) => vi.advanceTimersByTimeAsync(ms);

beforeEach(async () => {
  await import("../../../images/strip"); // loading it takes real time
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

it("repeats an interrupted upload with the same key", async () => {
  const { seen, attachments } = uploads(new NetworkError("gone"), new NetworkError("still gone"));
  attachments.add([file("a.txt")]);
  await settle();
  expect(attachments.isReady.value).toBe(false);
  expect(attachments.list.value[0]?.failure).toBeUndefined();
  await settle(5_000);
  expect(attachments.isReady.value).toBe(true);
  expect(seen.map(one => one.key)).toEqual(["file-1", "file-1", "file-1"]);
});

it("gives up in the end, and when asked tries again", async () => {
  const gone = new NetworkError("gone");
  const { seen, attachments } = uploads(gone, gone, gone, gone);
  attachments.add([file("a.txt")]);
  await settle(25_000);
  expect(attachments.list.value[0]?.failure).toBe("unreachable");
  attachments.retry("file-1");
  await settle();
  expect(attachments.isReady.value).toBe(true);
  expect(seen).toHaveLength(5);
});

it("does not repeat what the server refused", async () => {
  const { seen, attachments } = uploads(new ApiError({ code: "payload_too_large", detail: "too large" }));
  attachments.add([file("a.txt")]);
  await settle(25_000);
  expect(attachments.list.value[0]?.failure).toBe("payload_too_large");
  expect(seen).toHaveLength(1);
});

it("does not repeat what was removed", async () => {
  const { seen, attachments } = uploads(new NetworkError("gone"));
  attachments.add([file("a.txt")]);
  await settle();
  attachments.remove("file-1");
  await settle(25_000);
  expect(seen).toHaveLength(1);
  expect(attachments.list.value).toEqual([]);
});

it("uploads again what the server may have deleted, under another key", async () => {
  const { seen, attachments } = uploads();
  attachments.add([file("a.txt")]);
  await settle();
  expect(attachments.refresh()).toBe(false);
  await settle(51 * MINUTE);
  attachments.add([file("b.txt")]);
  await settle();
  expect(attachments.refresh()).toBe(true);
  expect(attachments.isReady.value).toBe(false);
  await settle();
  expect(seen.map(one => one.key)).toEqual(["file-1", "file-2", "file-3"]);
  expect(attachments.take().map(one => one.id)).toEqual(["file-3", "file-2"]);
});
