import { expect, it } from "vitest";
import { CHAT_COMMANDS } from "../../../contract/chat-commands";
import type { Instance } from "../../../contract/generated";
import { en } from "../../../i18n/commands.en";
import { triggerAt } from "../../../text/composing/completion";
import { argumentCandidates } from "./argument-candidates";

const server = (name: string, state: Instance["state"], labels = {}): Instance => ({
  ...{ id: `id-${name}`, name, state, labels, timestamp: "2026-11-28T08:52:00Z" },
  ...{ provider: "docker", protected: false, condition: "ok" as const },
});

const sources = {
  kinds: en.kinds,
  specs: CHAT_COMMANDS,
  servers: [
    server("web-1", "running", { env: "prod", role: "web" }),
    server("web-2", "stopped", { env: "test", note: "two words" }),
    server("web", "running"),
  ],
  templates: ["docker/web-small", "docker/worker"],
};

const offered = (text: string) => {
  const trigger = triggerAt(text, text.length);
  return trigger?.kind === "argument"
    ? argumentCandidates(trigger, sources, 8).map(one => one.insert)
    : undefined;
};

it("offers servers, those first for which the command makes sense", () => {
  expect(offered("/stop ")).toEqual(["web ", "web-1 ", "web-2 "]);
  expect(offered("/start ")).toEqual(["web-2 ", "web ", "web-1 "]);
  expect(offered("/restart web-")).toEqual(["web-1 ", "web-2 "]);
  expect(offered("/logs w")).toEqual(["web ", "web-1 ", "web-2 "]);
});

it("offers each server once, and none before another one is begun: Enter sends what is complete", () => {
  expect(offered("/stop web-1 ")).toEqual([]);
  expect(offered("/stop web-1 w")).toEqual(["web ", "web-2 "]);
  expect(offered("/ps ")).toEqual([]);
  expect(offered("/logs web-1 ")).toEqual([]);
});

it("offers what is typed in full first", () => {
  expect(offered("/stop web")?.[0]).toBe("web ");
  expect(offered("/stop web-2")).toEqual(["web-2 "]);
});

it("offers labels that can be selected by", () => {
  expect(offered("/stop la")).toEqual(["label:env=prod ", "label:env=test ", "label:role=web "]);
  expect(offered("/stop label:env=")).toEqual(["label:env=prod ", "label:env=test "]);
  expect(offered("/stop label:env=prod label:r")).toEqual(["label:role=web "]);
  expect(offered("/stop label:env=prod we")).toEqual([]);
});

it("offers templates, and the words of a command", () => {
  expect(offered("/create d")).toEqual(["docker/web-small ", "docker/worker "]);
  expect(offered("/create docker/worker a")).toEqual(["as "]);
  expect(offered("/create docker/worker as w")).toEqual([]);
  expect(offered("/create docker/worker as web-3 st")).toEqual(["started "]);
  expect(offered("/help re")).toEqual(["restart "]);
});

it("offers nothing for what the user may not do, and in texts", () => {
  expect(offered("/nothing w")).toEqual([]);
  expect(offered("/search w")).toEqual([]);
  expect(offered("//stop w")).toBeUndefined();
  expect(offered("see /stop w")).toBeUndefined();
});
