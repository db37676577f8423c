import type { ReplicaStatus, Status, StreamStatus } from "../contract/generated";

const SERVICES = ["gateway", "chat", "cloud"] as const;

/** The status of a portal with one process per service, started at `since` (Unix milliseconds). */
export function mockStatus(since: number, events: Readonly<Record<"CHAT" | "CLOUD", number>>): Status {
  const replicas = SERVICES.map(
    (service, index): ReplicaStatus => ({
      service,
      id: `page-${index + 1}`,
      version: "demo",
      startedAt: new Date(since).toISOString(),
      ...{ requests: 0, refusals: 0, inFlight: 0 },
      ...(service === "gateway" ? { sockets: 1, streams: 1 } : {}),
    }),
  );
  const streams = Object.entries(events).map(
    ([name, messages]): StreamStatus => ({
      ...{ name, messages, lastSeq: messages, sizeBytes: messages * 400 },
      ...{ copies: 1, consumers: 1, lag: 0 },
    }),
  );
  const at = new Date().toISOString();
  const timing = { tookMs: 0, roundTripMs: 0, clockAheadMs: 0 };
  return { at, ...timing, brokerVersion: "demo", replicas, streams, missing: [] };
}
