import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { ApiError, NetworkError } from "./errors";
import { request, urlOf } from "./http";

const servers: { close: () => void }[] = [];

afterEach(() => {
  vi.useRealTimers();
  for (const server of servers.splice(0)) server.close();
});

/** Start a server that returns `status` and `body` for every request and records the requests. */
async function serverThat(status: number, body: string) {
  const requests: Pick<IncomingMessage, "method" | "url" | "headers">[] = [];
  const server = createServer((incoming, outgoing) => {
    requests.push(incoming);
    outgoing.writeHead(status, { "Content-Type": "application/json" }).end(body);
  });
  servers.push(server);
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

test("urlOf inserts and escapes path and query parameters", () => {
  const query = { limit: 60, before: 5 };
  expect(
    urlOf("https://a.example/x", "GET /chat/rooms/{room}/messages", { path: { room: "a/b?" }, query }),
  ).toBe("https://a.example/x/api/v1/chat/rooms/a%2Fb%3F/messages?limit=60&before=5");
  expect(urlOf("", "GET /cloud/instances", { query: {} })).toBe("/api/v1/cloud/instances");
});

test("a request sends its token and its idempotency key", async () => {
  const { base, requests } = await serverThat(202, '{"operation":{"id":"o1"}}');
  const path = { instance_id: "i1" };
  const reply = await request(
    base,
    "DELETE /cloud/instances/{instance_id}",
    { path },
    { token: "t", key: "k" },
  );
  expect(reply.operation.id).toBe("o1");
  expect(requests[0]).toMatchObject({
    method: "DELETE",
    url: "/api/v1/cloud/instances/i1",
    headers: { authorization: "Bearer t", "idempotency-key": "k" },
  });
});

test("a read without a response is sent again, and a change is not", async () => {
  const methods: string[] = [];
  const server = createServer(({ method = "" }, outgoing) => {
    methods.push(method);
    if (methods.length > 1) outgoing.end('{"mode":"open"}');
  });
  servers.push({ close: () => server.close().closeAllConnections() });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const read = request(base, "GET /session", {});
  await vi.waitFor(() => expect(methods).toEqual(["GET"]));
  await vi.advanceTimersByTimeAsync(3_000);
  expect(await read).toEqual({ mode: "open" });
  expect(methods).toEqual(["GET", "GET"]);
  methods.length = 0;
  const change = request(base, "POST /chat/users", { body: { name: "ann" } }).catch(() => "closed");
  await vi.waitFor(() => expect(methods).toEqual(["POST"]));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(methods).toEqual(["POST"]);
  server.closeAllConnections();
  expect(await change).toBe("closed");
});

test("an error response is an ApiError; a foreign response or none is a NetworkError", async () => {
  const failing = await serverThat(409, '{"code":"name_taken","detail":"taken"}');
  const body = { name: "ann" };
  await expect(request(failing.base, "POST /chat/users", { body })).rejects.toMatchObject({
    code: "name_taken",
  });
  await expect(request(failing.base, "POST /chat/users", { body })).rejects.toBeInstanceOf(ApiError);
  for (const [status, text] of [
    [200, "<!doctype html>"],
    [502, '{"error":"bad gateway"}'],
  ] as const) {
    const foreign = await serverThat(status, text);
    await expect(request(foreign.base, "GET /chat/users", { query: {} })).rejects.toBeInstanceOf(
      NetworkError,
    );
  }
  await expect(request("http://127.0.0.1:9", "GET /chat/users", { query: {} })).rejects.toBeInstanceOf(
    NetworkError,
  );
});

test.each(["дана", "a\nb", "\ud800"])(
  "a token that no header can have is an invalid one: %j",
  async token => {
    const { base, requests } = await serverThat(200, "{}");
    await expect(request(base, "GET /session", {}, { token })).rejects.toMatchObject({
      code: "token_invalid",
    });
    expect(requests).toEqual([]);
  },
);
