import type { IncidentsApi } from "./backend";
import { ApiError, NetworkError } from "./errors";
import { request, urlOf } from "./http";

const PAGE_SIZE = 30;
const PAST_SIZE = 40;
const TIMEOUT_MS = 30_000;

/** The API of incidents and of the past on the gateway at `base`. This module is loaded with their views. */
export const createIncidentsApi = (base: string): IncidentsApi => ({
  list: ({ status, before }, token) => {
    const query = {
      limit: PAGE_SIZE,
      ...(status === undefined ? {} : { status }),
      ...(before === undefined ? {} : { before }),
    };
    return request(base, "GET /incidents", { query }, { token });
  },
  find: async (id, token) => {
    const { incidents } = await request(base, "GET /incidents", { query: { id } }, { token });
    return incidents[0];
  },
  act: async (id, action, key, token) => {
    const path = { incident_id: id };
    const options = { token, key };
    const reply = await request(base, `POST /incidents/{incident_id}/${action}`, { path }, options);
    return reply.incident;
  },
  report: async (id, token) => {
    const parts = { path: { incident_id: id }, query: { format: "md" } } as const;
    const url = urlOf(base, "GET /incidents/{incident_id}/report", parts);
    const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
    let response: Response;
    let text: string;
    try {
      response = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
      text = await response.text();
    } catch (error) {
      throw new NetworkError(String(error));
    }
    if (response.ok) return text;
    try {
      throw new ApiError(JSON.parse(text));
    } catch (error) {
      throw error instanceof ApiError ? error : new NetworkError(`HTTP ${response.status}`);
    }
  },
  past: async (room, at, token) => {
    const parts = { path: { room }, query: { at, limit: PAST_SIZE } };
    const { messages, erased = [] } = await request(base, "GET /chat/rooms/{room}/messages", parts, {
      token,
    });
    return { messages, erased };
  },
  following: async (room, seq, token) => {
    const parts = { path: { room }, query: { after: seq, limit: 1 } };
    const { messages } = await request(base, "GET /chat/rooms/{room}/messages", parts, { token });
    return messages[0]?.seq;
  },
  servers: (time, token) => request(base, "GET /cloud/instances", { query: { time } }, { token }),
});
