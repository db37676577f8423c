import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { test as base, expect, type Locator, type Page } from "@playwright/test";
import { rows } from "./instance-lifecycle";
import { type Portal, PYTHON, START_TIMEOUT_MS, startPortal } from "./portal";

const run = promisify(execFile);

/** Changes a server in the file of the simulated provider, as somebody outside the portal would. */
const CHANGE = `
import sys, time
from pathlib import Path
from opsroom_agent.providers.simulated.engine import SimulatedEngine
path, action, name = sys.argv[1:]
engine = SimulatedEngine(Path(path))
[resource] = [one.resource for one in engine.servers() if one.name == name]
if action == "remove":
    engine.remove(resource)
elif action == "stop":
    engine.stop(resource, time.time())
else:
    engine.crash(resource, "exit code 137: out of memory", time.time())
engine.close()
`;

export type AgentKind = "simulated" | "docker";

/** A portal with an agent: for simulated servers, as `lab`, or for containers, as `docker`. */
export interface AgentPortal extends Portal {
  /** Change the server called `name` outside the portal; its name is the one with which it was created. */
  readonly outside: (action: "remove" | "stop" | "crash", name: string) => Promise<void>;
  /** Stop the agent's process, as if its machine had no network, or let it go on. */
  readonly setAway: (isAway: boolean) => Promise<void>;
}

/** The process of the agent that `parent` has started. */
async function findAgent(parent: number): Promise<number> {
  const { stdout } = await run("ps", ["-A", "-o", "pid=,ppid=,args="]);
  const processes = stdout
    .split("\n")
    .map(line => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .flatMap(found =>
      found ? [{ pid: Number(found[1]), ppid: Number(found[2]), args: found[3] ?? "" }] : [],
    );
  const parents = new Map(processes.map(({ pid, ppid }) => [pid, ppid]));
  const isBelow = (pid: number): boolean => pid === parent || (pid > 1 && isBelow(parents.get(pid) ?? 0));
  const agent = processes.find(({ pid, args }) => args.includes("opsroom_agent") && isBelow(pid));
  if (!agent) throw new Error("there is no agent");
  return agent.pid;
}

/** Tests with a separate portal and agent, once per worker. `settings`: of the agent. */
export const testsWithAgent = (settings: Readonly<Record<string, string>>, kind: AgentKind = "simulated") =>
  base.extend<object, { portal: AgentPortal }>({
    portal: [
      // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures from the pattern
      async ({}, use) => {
        const data = await mkdtemp(join(tmpdir(), "opsroom-agent-"));
        const options = ["--data", data, "--agent", kind];
        const { portal, pid, stop } = await startPortal(options, settings);
        const setAway = async (isAway: boolean) => {
          process.kill(await findAgent(pid), isAway ? "SIGSTOP" : "SIGCONT");
        };
        const state = join(data, "agent", "state", "simulated.db");
        await use({
          ...portal,
          setAway,
          outside: async (action, name) => {
            await run(PYTHON, ["-c", CHANGE, state, action, name]);
          },
        });
        await setAway(false);
        await stop();
        await rm(data, { recursive: true, force: true });
      },
      { scope: "worker", timeout: START_TIMEOUT_MS },
    ],
  });

/** The row of a server. */
export const rowOf = (page: Page, name: string): Locator => page.getByRole("article", { name, exact: true });

interface Wanted {
  readonly name: string;
  readonly labels?: string;
  /** As the menu of templates shows it. */
  readonly template: string;
  readonly start?: boolean;
}

/** Create a server of a template with the dialog; it is pending. */
export async function createFrom(
  page: Page,
  { name, labels = "", template, start = true }: Wanted,
): Promise<void> {
  await page.getByRole("button", { name: "Create server" }).click();
  const dialog = page.getByRole("dialog", { name: "Create a server" });
  await dialog.getByRole("textbox", { name: "Name" }).fill(name);
  await dialog.getByRole("textbox", { name: "Labels" }).fill(labels);
  await dialog.getByRole("combobox", { name: "Template" }).selectOption({ label: template });
  const confirm = start ? "Create and start" : "Create";
  await dialog.getByRole("button", { name: confirm, exact: true }).click();
  await expect(dialog).toHaveCount(0);
}

/** Wait until a server is as it should be; the work of an agent takes longer than the delay. */
export async function expectState(page: Page, name: string, state: string | RegExp): Promise<void> {
  await expect(rowOf(page, name).locator(".server-state")).toContainText(state);
  await expect(rows(page).locator(".spinner")).toHaveCount(0);
}
