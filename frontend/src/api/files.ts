import type { Contract, Problem, File as StoredFile } from "../contract/generated";
import type { FilesApi, Upload } from "./backend";
import { ApiError, NetworkError } from "./errors";
import { urlOf } from "./http";

type Route = keyof Contract["Api"];

const isProblem = (body: unknown): body is Problem =>
  typeof body === "object" && body !== null && "code" in body && "detail" in body;

/** Upload a file. A request of `fetch` would not report its progress. */
function upload(
  base: string,
  { file, room, name, key, token, onProgress, signal }: Upload,
): Promise<StoredFile> {
  const url = urlOf(base, "POST /chat/files" satisfies Route, { query: { room, name } });
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.responseType = "json";
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.setRequestHeader("Idempotency-Key", key);
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
    request.onload = () => {
      const body: unknown = request.response;
      if (request.status === 201) resolve(body as StoredFile);
      else reject(isProblem(body) ? new ApiError(body) : new NetworkError(`HTTP ${request.status}`));
    };
    request.onerror = () => reject(new NetworkError("the upload was interrupted"));
    request.onabort = () => reject(new NetworkError("the upload was cancelled"));
    signal.addEventListener("abort", () => request.abort());
    if (signal.aborted) reject(new NetworkError("the upload was cancelled"));
    else request.send(file);
  });
}

async function content(
  base: string,
  id: string,
  token: string | undefined,
  signal: AbortSignal,
): Promise<Blob> {
  const url = urlOf(base, "GET /chat/files/{file_id}" satisfies Route, { path: { file_id: id } });
  try {
    const response = await fetch(url, {
      headers: token ? { Authorization: `Bearer ${token}` } : {},
      signal,
    });
    if (response.ok) return await response.blob();
    throw new NetworkError(`HTTP ${response.status}`);
  } catch (error) {
    throw error instanceof NetworkError ? error : new NetworkError(String(error));
  }
}

/** The API of files on the gateway at `base`. This module is loaded on first use. */
export const createFilesApi = (base: string): FilesApi => ({
  upload: request => upload(base, request),
  content: (id, token, signal) => content(base, id, token, signal),
});
