import type { CloudStream, FollowListener, ServersApi } from "../../api/backend";
import { ApiError } from "../../api/errors";
import type { BatchResult, Problem, Schedule } from "../../contract/generated";
import type { MockCloud } from "./cloud";
import { lineAt, sampleAt } from "./provider";

const LOG_MS = 1_200;
const STATS_MS = 10_000;
const PAST_SAMPLES = 90;

interface Context {
  readonly cloud: MockCloud;
  readonly respond: <T>(work: () => T) => Promise<T>;
  readonly author: (token: string | undefined) => string;
}

const problemOf = (error: ApiError): Problem => ({
  ...{ type: "about:blank", title: error.code, status: 409 },
  ...error.problem,
});

/** Send `first`, and then what `next` returns again and again. */
function chunks<Chunk>(
  check: () => void,
  { onOpen, onChunk, onClose }: FollowListener<Chunk>,
  first: () => Chunk,
  next: (() => Chunk) | undefined,
  everyMs: number,
): CloudStream {
  let timer: ReturnType<typeof setInterval> | undefined;
  const begin = setTimeout(() => {
    try {
      check();
    } catch (error) {
      return onClose(error as Error, undefined);
    }
    onOpen();
    onChunk(first());
    if (next) timer = setInterval(() => onChunk(next()), everyMs);
    else onClose(undefined, undefined);
  }, 50);
  return {
    close: () => {
      clearTimeout(begin);
      clearInterval(timer);
    },
  };
}

/** The API that the view of servers loads, in memory. */
export function mockServersApi({ cloud, respond, author }: Context): ServersApi {
  const requireCapability = (id: string, capability: "logs" | "stats") => {
    const { provider } = cloud.records.instance(id);
    if (!cloud.providers.get(provider)?.capabilities.includes(capability))
      throw new ApiError({ code: "unsupported", detail: `${provider} has no ${capability}` });
  };
  const schedules = new Map<string, Schedule>();
  return {
    schedules: () => respond(() => [...schedules.values()].sort((a, b) => (a.name < b.name ? -1 : 1))),
    schedule: (wanted, token) =>
      respond(() => {
        if (schedules.has(wanted.name))
          throw new ApiError({ code: "name_taken", detail: "There is such a schedule.", field: "name" });
        const at = cloud.now().toISOString();
        const made = { ...wanted, actor: author(token), createdAt: at, nextAt: wanted.at ?? at };
        schedules.set(wanted.name, made);
        return made;
      }),
    unschedule: name => respond(() => void schedules.delete(name)),
    batch: ({ command, ids = [] }, key, token) =>
      respond(() =>
        ids.map((id): BatchResult => {
          try {
            const request = { command, instanceId: id, key: `${key}/${id}` };
            return { id, operation: cloud.command(request, author(token)) };
          } catch (error) {
            if (error instanceof ApiError) return { id, problem: problemOf(error) };
            throw error;
          }
        }),
      ),
    change: (id, patch, _key, token) => respond(() => cloud.change(id, patch, author(token))),
    adopt: (adoption, key, token) => respond(() => cloud.adopt(adoption, key, author(token))),
    decide: (operationId, decision, token) =>
      respond(() => cloud.decide(operationId, decision, author(token))),
    providers: () => respond(() => cloud.providers.list()),
    templates: () =>
      respond(() =>
        cloud.providers
          .list()
          .filter(one => one.connected)
          .flatMap(({ name, templates }) => templates.map(one => ({ ...one, provider: name }))),
      ),
    adoptable: provider =>
      respond(() => ({ resources: [...cloud.providers.adoptable(provider)], more: false })),
    openLog: (id, tail, listener) => {
      let seq = 0;
      let n = 0;
      const lines = (count: number, from: number) =>
        Array.from({ length: count }, (_, index) => lineAt(from + index * LOG_MS, ++n));
      const chunk = (count: number, from: number) => ({
        ...{ seq: ++seq, end: false, skipped: 0 },
        lines: lines(count, from),
      });
      const past = Math.min(tail, 40);
      return chunks(
        () => requireCapability(id, "logs"),
        listener,
        () => chunk(past, Date.now() - past * LOG_MS),
        () => chunk(1, Date.now()),
        LOG_MS,
      );
    },
    openStats: (id, follow, listener) => {
      let seq = 0;
      const chunk = (times: readonly number[]) => ({ seq: ++seq, end: false, samples: times.map(sampleAt) });
      const past = Array.from({ length: PAST_SAMPLES }, (_, n) => Date.now() - (PAST_SAMPLES - n) * STATS_MS);
      return chunks(
        () => requireCapability(id, "stats"),
        listener,
        () => chunk(past),
        follow ? () => chunk([Date.now()]) : undefined,
        STATS_MS,
      );
    },
  };
}
