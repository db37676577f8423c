import type { Problem } from "../contract/generated";
import { RefusedError, UnreachableError } from "./errors";

export interface HttpRequest {
  readonly method?: "GET" | "POST" | "DELETE";
  readonly body?: unknown;
  readonly token?: string | undefined;
  readonly key?: string;
}

const ANSWER_WITHIN_MS = 15_000;

const isProblem = (body: unknown): body is Problem =>
  typeof body === "object" && body !== null && "code" in body && "detail" in body;

/** One request and its JSON answer; throws `RefusedError` or `UnreachableError`, nothing else. */
export async function requestJson<T>(url: string, request: HttpRequest = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (request.body !== undefined) headers["Content-Type"] = "application/json";
  if (request.token) headers.Authorization = `Bearer ${request.token}`;
  if (request.key) headers["Idempotency-Key"] = request.key;
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(url, {
      method: request.method ?? "GET",
      headers,
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    });
    body = await response.json();
  } catch (error) {
    // A static site answers an unknown path with a page: that is no server of ours either.
    throw new UnreachableError(String(error));
  }
  if (response.ok) return body as T;
  if (isProblem(body)) throw new RefusedError(body);
  throw new UnreachableError(`HTTP ${response.status}`);
}
