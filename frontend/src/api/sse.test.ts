import { expect, it } from "vitest";
import { createSseParser } from "./sse";

const stream =
  ': beat\n\nid: 1\nevent: change\ndata: {"a":1}\n\nevent: reset\ndata: x\ndata: y\n\ndata: plain\n\n';
const expected = [
  { name: "change", data: '{"a":1}' },
  { name: "reset", data: "x\ny" },
  { name: "message", data: "plain" },
];

it("hears when the server asks to be called again, and takes no nonsense for a time", () => {
  const asked: number[] = [];
  const parse = createSseParser(ms => asked.push(ms));
  expect(parse("retry: 1400\n\nretry: soon\n\nretry:\n\n")).toEqual([]);
  expect(asked).toEqual([1_400]);
});

it("reads events wherever the pieces are cut, and whatever ends the lines", () => {
  for (const text of [stream, stream.replaceAll("\n", "\r\n"), stream.replaceAll("\n", "\r")]) {
    for (let size = 1; size <= text.length; size += 1) {
      const parse = createSseParser();
      const events = [];
      for (let at = 0; at < text.length; at += size) events.push(...parse(text.slice(at, at + size)));
      // A carriage return at the end waits for its line feed; the next beat brings it.
      events.push(...parse(":\n"));
      expect(events).toEqual(expected);
    }
  }
});
