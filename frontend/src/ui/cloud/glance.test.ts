import { expect, it } from "vitest";
import type { Instance } from "../../contract/generated";
import { en } from "../../i18n/en";
import { glanceOf } from "./glance";

const NOTHING = { failures: new Map(), dismissed: [] };
const server: Instance = {
  ...{ id: "i1", name: "web-1", state: "running", timestamp: "2026-11-28T08:52:00Z", labels: {} },
  ...{ provider: "docker", protected: false, condition: "ok" },
};
const glance = (part: Partial<Instance>) => glanceOf(en, NOTHING, { ...server, ...part });
const [acceptedAt, dueAt] = ["2026-11-28T08:52:00Z", "2026-11-28T08:52:10Z"];

it("shows how a server is in one dot and a few words", () => {
  expect(glance({})).toEqual({ dot: "running", text: "Running" });
  expect(glance({ state: "stopped" })).toEqual({ dot: "stopped", text: "Stopped" });
  const pending = { id: "o1", command: "restart" as const, actor: "ann", acceptedAt, dueAt };
  expect(glance({ pending })).toEqual({ dot: "pending", text: "Restarting" });
  expect(glance({ condition: "lost" })).toEqual({ dot: "problem", text: "Lost" });
  expect(glance({ condition: "failed", reason: "no image" })).toEqual({ dot: "problem", text: "no image" });
  expect(glance({ condition: "unknown", reasonCode: "outcome_unknown" }).dot).toBe("unknown");
});
