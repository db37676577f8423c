import { afterEach, expect, it, vi } from "vitest";
import type { ChatListener } from "../api/backend";
import type { ClientFrame, ServerFrame } from "../contract/generated";
import type { Language } from "../i18n/language";
import { createDemoBackend } from "./demo";

afterEach(() => vi.useRealTimers());

/** Join the demo, and write a message. Returns what people are called, and what they said before and after it. */
async function visit(language: () => Language): Promise<string[]> {
  vi.useFakeTimers();
  const demo = createDemoBackend(language);
  const registering = demo.register("guest");
  await vi.advanceTimersByTimeAsync(100);
  const { token } = await registering;
  const frames: ServerFrame[] = [];
  const hello: ClientFrame = { type: "hello", token, since: 0, epoch: "e1" };
  const listener: ChatListener = {
    onOpen: () => socket.send(hello),
    onFrame: frame => frames.push(frame),
    onClose: () => {},
  };
  const socket = demo.openChat(listener);
  await vi.advanceTimersByTimeAsync(1_000);
  for (let n = 0; n < 4; n += 1) {
    socket.send({ type: "send", clientId: `c${n}`, room: "general", text: "1" });
    await vi.advanceTimersByTimeAsync(6_000);
  }
  const others = frames.flatMap(frame =>
    frame.type === "message" && !frame.card && frame.user.name !== "guest"
      ? [frame.user.name, frame.text]
      : [],
  );
  expect(others).toHaveLength(2 * (4 + 4));
  return others;
}

const plain = (text: string) => text.replaceAll(/https?:\S+/g, "");

it("speaks Russian on the Russian page", async () => {
  expect((await visit(() => "ru")).filter(text => /[a-z]/i.test(plain(text)))).toEqual([]);
});

it("speaks English on the English page", async () => {
  expect((await visit(() => "en")).filter(text => /[а-яё]/i.test(text))).toEqual([]);
});
