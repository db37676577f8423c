import { API, type Contract, type Problem } from "../contract/generated";
import { ApiError, NetworkError } from "./errors";

type Api = Contract["Api"];

/** An operation of the gateway's OpenAPI document: its method and its path below `/api/v1`. */
export type Route = keyof Api;
type ResponseBody<R extends Route> = Api[R] extends { response: infer A } ? A : never;
type Part = "path" | "query" | "body";
export type RequestParts<R extends Route> = Pick<Api[R], Extract<keyof Api[R], Part>>;

/** The options of every request: the token and the idempotency key. */
export interface RequestOptions {
  readonly token?: string | undefined;
  readonly key?: string | undefined;
}

interface LooseParts {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly body?: unknown;
}

const REQUEST_TIMEOUT_MS = 15_000;
/** A read without a response for so long is sent again: its connection may have died while the device slept. */
const HEDGE_MS = 3_000;
const NO_CONTENT = 204;
/** What browsers send in a header: no control characters, and none beyond Latin-1. */
const HEADER_VALUE = /^[\x20-\x7E\xA0-\xFF]*$/;

const isProblem = (body: unknown): body is Problem =>
  typeof body === "object" && body !== null && "code" in body && "detail" in body;

/** The URL of `route` on the server at `base`, with path and query parameters filled in. */
export function urlOf<R extends Route>(base: string, route: R, parts: RequestParts<R>): string {
  const { path: values = {}, query = {} } = parts as LooseParts;
  const path = route
    .slice(route.indexOf(" ") + 1)
    .replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
  const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  return `${base}${API}${path}${search.size > 0 ? `?${search}` : ""}`;
}

/** Send a request; a read that gets no response is sent a second time, and the first response counts. */
async function send(url: string, init: RequestInit): Promise<Response> {
  if (init.method !== "GET") return fetch(url, init);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const again = new Promise<Response>((resolve, reject) => {
    // With the cache, it would wait for the first one.
    timer = setTimeout(() => fetch(url, { ...init, cache: "no-store" }).then(resolve, reject), HEDGE_MS);
  });
  try {
    return await Promise.race([fetch(url, init), again]);
  } finally {
    clearTimeout(timer);
  }
}

/** Send a request and return its JSON response. Throws only `ApiError` and `NetworkError`. */
export async function request<R extends Route>(
  base: string,
  route: R,
  parts: RequestParts<R>,
  { token, key }: RequestOptions = {},
): Promise<ResponseBody<R>> {
  // It would fail in the browser like a server that doesn't respond.
  if (token && !HEADER_VALUE.test(token))
    throw new ApiError({
      code: "token_invalid",
      detail: "The token has characters that no header can have.",
    });
  const sent = (parts as LooseParts).body;
  const headers: Record<string, string> = { Accept: "application/json" };
  if (sent !== undefined) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  if (key) headers["Idempotency-Key"] = key;
  let response: Response;
  let body: unknown;
  try {
    response = await send(urlOf(base, route, parts), {
      method: route.slice(0, route.indexOf(" ")),
      headers,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
    });
    body = response.status === NO_CONTENT ? undefined : await response.json();
  } catch (error) {
    // Includes invalid JSON: a static site may return an HTML page for any path.
    throw new NetworkError(String(error));
  }
  if (response.ok) return body as ResponseBody<R>;
  if (isProblem(body)) throw new ApiError(body);
  throw new NetworkError(`HTTP ${response.status}`);
}
