import {
  type LogChunk,
  SSE_END,
  SSE_LOG,
  SSE_STATS,
  type StatsChunk,
  type StreamEnd,
} from "../contract/generated";
import type { CloudStream, FollowListener, ServersApi } from "./backend";
import { NetworkError } from "./errors";
import { openEventStream } from "./event-stream";
import { request, urlOf } from "./http";

/** Follow the chunks of the event `name` at `url`. A stream that the server doesn't end was interrupted. */
function follow<Chunk extends LogChunk | StatsChunk>(
  url: string,
  name: string,
  listener: FollowListener<Chunk>,
  token: string | undefined,
): CloudStream {
  let end: StreamEnd | undefined;
  return openEventStream(url, token, {
    onOpen: () => listener.onOpen(),
    onEvent: (event, data) => {
      if (event === name) listener.onChunk(JSON.parse(data) as Chunk);
      if (event === SSE_END) end = JSON.parse(data) as StreamEnd;
    },
    onClose: error => {
      if (end) listener.onClose(undefined, end.reason);
      else listener.onClose(error ?? new NetworkError("the stream was interrupted"), undefined);
    },
  });
}

/** The part of the API that only the view of servers uses. This module is loaded with it. */
export const createServersApi = (base: string): ServersApi => ({
  batch: async (body, key, token) =>
    (await request(base, "POST /cloud/batch", { body }, { key, token })).results,
  change: (id, body, key, token) =>
    request(
      base,
      "PATCH /cloud/instances/{instance_id}",
      { path: { instance_id: id }, body },
      { key, token },
    ),
  adopt: async (body, key, token) =>
    (await request(base, "POST /cloud/adoptions", { body }, { key, token })).operation,
  decide: async (operationId, decision, token) => {
    const parts = { path: { operation_id: operationId }, body: {} };
    const options = { token };
    const route = `POST /cloud/operations/{operation_id}/${decision}` as const;
    return (await request(base, route, parts, options)).operation;
  },
  schedules: async token => (await request(base, "GET /cloud/schedules", {}, { token })).schedules,
  schedule: async (body, token) =>
    (await request(base, "POST /cloud/schedules", { body }, { token })).schedule,
  unschedule: async (name, token) => {
    await request(base, "DELETE /cloud/schedules/{schedule}", { path: { schedule: name } }, { token });
  },
  providers: async token => (await request(base, "GET /cloud/providers", {}, { token })).providers,
  templates: async token => (await request(base, "GET /cloud/templates", {}, { token })).templates,
  adoptable: (provider, token) =>
    request(base, "GET /cloud/providers/{provider}/adoptable", { path: { provider } }, { token }),
  openLog: (id, tail, listener, token) => {
    const parts = { path: { instance_id: id }, query: { tail, follow: true } };
    return follow(urlOf(base, "GET /cloud/instances/{instance_id}/logs", parts), SSE_LOG, listener, token);
  },
  openStats: (id, isFollowed, listener, token) => {
    const parts = { path: { instance_id: id }, query: { follow: isFollowed } };
    return follow(urlOf(base, "GET /cloud/instances/{instance_id}/stats", parts), SSE_STATS, listener, token);
  },
});
