import { afterEach, expect, it, vi } from "vitest";
import { openCloudStream } from "./cloud-stream";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const STREAM =
  ': heartbeat\n\nid: 1\nevent: change\ndata: {"seq":1}\n\nretry: 1400\n\nretry: soon\n\n' +
  'event: change\ndata: {"seq":\ndata: 2}\n\ndata: no type\n\nevent: later\ndata: x\n\nevent: reset\ndata: {}\n\n';

/** Open a stream whose body is `chunks`; it stays open if `endless`. */
function open(chunks: readonly string[], endless = false) {
  const body = new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
      if (!endless) controller.close();
    },
  });
  const headers = { "Content-Type": "text/event-stream; charset=utf-8" };
  const fetched = vi.fn(async (_url: string, _init: RequestInit) => new Response(body, { headers }));
  vi.stubGlobal("fetch", fetched);
  let resolve = () => {};
  const closed = new Promise<void>(done => {
    resolve = done;
  });
  const onClose = vi.fn((_retryAfterMs?: number) => resolve());
  const listener = { onOpen: vi.fn(), onChanges: vi.fn(), onReset: vi.fn(), onAlive: vi.fn(), onClose };
  const stream = openCloudStream("/events", listener, "t");
  return { fetched, listener, stream, closed };
}

const split = (text: string, size: number) =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, n) => text.slice(n * size, (n + 1) * size));

it.each(["\n", "\r\n", "\r"])("parses chunks of any size with lines that end in %j", async end => {
  // With single carriage returns, the last line is complete only once more text follows.
  const text = `${STREAM.replaceAll("\n", end)}:${end}`;
  for (const size of [1, 2, 3, 5, 8, 13, 21, 34, text.length]) {
    const { listener, closed } = open(split(text, size));
    await closed;
    expect(listener.onChanges.mock.calls.flat(2)).toEqual([{ seq: 1 }, { seq: 2 }]);
    expect(listener.onReset).toHaveBeenCalledTimes(1);
  }
});

it("passes on the events of one chunk together", async () => {
  const { listener, closed } = open([STREAM]);
  await closed;
  expect(listener.onChanges.mock.calls).toEqual([[[{ seq: 1 }, { seq: 2 }]]]);
});

it("reports the server's last valid retry time when the stream ends, once", async () => {
  const { listener, fetched, closed } = open([STREAM]);
  await closed;
  expect(listener.onClose.mock.calls).toEqual([[1_400]]);
  expect(fetched.mock.calls[0]?.[1].headers).toMatchObject({ Authorization: "Bearer t" });
});

it("reports heartbeats, and nothing after close()", async () => {
  vi.useFakeTimers();
  const { listener, stream } = open([": heartbeat\n\n"], true);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(listener.onAlive).toHaveBeenCalledTimes(1);
  stream.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(listener.onClose).not.toHaveBeenCalled();
});
