import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { ApiError, NetworkError } from "./errors";
import { request, urlOf } from "./http";

const servers: { close: () => void }[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server that answers everything with `status` and `body`, and notes what it was asked. */
async function serverThat(status: number, body: string) {
  const asked: Pick<IncomingMessage, "method" | "url" | "headers">[] = [];
  const server = createServer((incoming, outgoing) => {
    asked.push(incoming);
    outgoing.writeHead(status, { "Content-Type": "application/json" }).end(body);
  });
  servers.push(server);
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test("an address is its route with what was asked put in, and nothing can break out of its place", () => {
  const query = { limit: 60, before: 5 };
  expect(
    urlOf("https://a.example/x", "GET /chat/rooms/{room}/messages", { path: { room: "a/b?" }, query }),
  ).toBe("https://a.example/x/api/v1/chat/rooms/a%2Fb%3F/messages?limit=60&before=5");
  expect(urlOf("", "GET /cloud/instances", {})).toBe("/api/v1/cloud/instances");
});

test("a request carries who asks and its key", async () => {
  const { base, asked } = await serverThat(202, '{"operation":{"id":"o1"}}');
  const path = { instance_id: "i1" };
  const answer = await request(
    base,
    "DELETE /cloud/instances/{instance_id}",
    { path },
    { token: "t", key: "k" },
  );
  expect(answer.operation.id).toBe("o1");
  expect(asked[0]).toMatchObject({
    method: "DELETE",
    url: "/api/v1/cloud/instances/i1",
    headers: { authorization: "Bearer t", "idempotency-key": "k" },
  });
});

test("a refusal is told from somebody who doesn't speak our language, and from nobody at all", async () => {
  const refusing = await serverThat(409, '{"code":"name_taken","detail":"taken"}');
  const body = { name: "ann" };
  await expect(request(refusing.base, "POST /chat/users", { body })).rejects.toMatchObject({
    code: "name_taken",
  });
  await expect(request(refusing.base, "POST /chat/users", { body })).rejects.toBeInstanceOf(ApiError);
  for (const [status, text] of [
    [200, "<!doctype html>"],
    [502, '{"error":"bad gateway"}'],
  ] as const) {
    const stranger = await serverThat(status, text);
    await expect(request(stranger.base, "GET /chat/users", {})).rejects.toBeInstanceOf(NetworkError);
  }
  await expect(request("http://127.0.0.1:9", "GET /chat/users", {})).rejects.toBeInstanceOf(NetworkError);
});
