import { API, type Contract, type Problem } from "../contract/generated";
import { RefusedError, UnreachableError } from "./errors";

type Api = Contract["Api"];

/** A request of the gateway's OpenAPI: its method and its path below `/api/v1`. */
export type Route = keyof Api;
type Answer<R extends Route> = Api[R] extends { answer: infer A } ? A : never;
type Part = "path" | "query" | "body";
export type Asked<R extends Route> = Pick<Api[R], Extract<keyof Api[R], Part>>;

/** What may come with any request. */
export interface Proof {
  readonly token?: string | undefined;
  readonly key?: string | undefined;
}

interface LooseParts {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: unknown;
}

const ANSWER_WITHIN_MS = 15_000;
const NO_CONTENT = 204;

const isProblem = (body: unknown): body is Problem =>
  typeof body === "object" && body !== null && "code" in body && "detail" in body;

/** The address of `route` on the server at `base`, with what was asked put in its place. */
export function urlOf<R extends Route>(base: string, route: R, asked: Asked<R>): string {
  const { path = {}, query = {} } = asked as LooseParts;
  const place = route
    .slice(route.indexOf(" ") + 1)
    .replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? ""));
  const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  return `${base}${API}${place}${search.size > 0 ? `?${search}` : ""}`;
}

/** One request and its JSON answer; throws `RefusedError` or `UnreachableError`, nothing else. */
export async function request<R extends Route>(
  base: string,
  route: R,
  asked: Asked<R>,
  { token, key }: Proof = {},
): Promise<Answer<R>> {
  const sent = (asked as LooseParts).body;
  const headers: Record<string, string> = { Accept: "application/json" };
  if (sent !== undefined) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  if (key) headers["Idempotency-Key"] = key;
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(urlOf(base, route, asked), {
      method: route.slice(0, route.indexOf(" ")),
      headers,
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
    });
    body = response.status === NO_CONTENT ? undefined : await response.json();
  } catch (error) {
    // A static site answers an unknown path with a page: that is no server of ours either.
    throw new UnreachableError(String(error));
  }
  if (response.ok) return body as Answer<R>;
  if (isProblem(body)) throw new RefusedError(body);
  throw new UnreachableError(`HTTP ${response.status}`);
}
