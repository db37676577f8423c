import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { test as base, type Page } from "@playwright/test";

const ROOT = join(import.meta.dirname, "..", "..");
const READY_WITHIN_MS = 90_000;

/** The real services, run for the tests: gateway, chat, cloud and their broker. */
export interface Portal {
  readonly url: string;
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).ok;
  } catch {
    return false;
  }
}

interface RunningPortal {
  readonly portal: Portal;
  readonly stop: () => Promise<void>;
}

export async function startPortal(port: number, options: readonly string[]): Promise<RunningPortal> {
  const url = `http://127.0.0.1:${port}`;
  const delay = process.env.E2E_DELAY ?? "1";
  const child: ChildProcess = spawn(
    join(ROOT, "opsroom"),
    ["up", "--port", String(port), "--delay", delay, ...options],
    { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] },
  );
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!(await answers(url))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error("the services did not start");
    await new Promise(resolve => setTimeout(resolve, 200));
  }
  const stop = () =>
    new Promise<void>(resolve => {
      child.once("exit", () => resolve());
      child.kill("SIGTERM");
    });
  return { portal: { url }, stop };
}

/** `OPSROOM_URL` names services that run already; else each worker starts its own. */
export const test = base.extend<object, { portal: Portal }>({
  portal: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures from the pattern
    async ({}, use, worker) => {
      const given = process.env.OPSROOM_URL;
      if (given) return use({ url: given });
      const { portal, stop } = await startPortal(18_000 + worker.workerIndex + (process.pid % 1000), [
        "--ephemeral",
      ]);
      await use(portal);
      await stop();
    },
    { scope: "worker", timeout: READY_WITHIN_MS + 10_000 },
  ],
});

let names = 0;
/** A name that no other test has. */
export const freshName = (stem: string): string => `${stem}-${Date.now().toString(36)}${++names}`;

export async function enter(page: Page, name: string): Promise<void> {
  await page.getByRole("textbox", { name: "Nickname" }).fill(name);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
}

export async function say(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: "Type your message here" }).fill(text);
  await page.keyboard.press("Enter");
}
