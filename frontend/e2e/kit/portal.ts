import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test as base, expect, type Locator, type Page } from "@playwright/test";

/** The root of the repository. */
export const ROOT = join(import.meta.dirname, "..", "..", "..");
const VENV_PYTHON = join(ROOT, ".venv", "bin", "python");
/** The tested Python: with another, `./opsroom` would replace the environment under the tests that use it. */
export const PYTHON = process.env.PYTHON ?? (existsSync(VENV_PYTHON) ? VENV_PYTHON : "python3");
const READY_WITHIN_MS = 240_000;
/** The timeout of a fixture that starts a portal. */
export const START_TIMEOUT_MS = READY_WITHIN_MS + 30_000;

/** A running portal: the real gateway, chat and cloud services and their broker. */
export interface Portal {
  readonly url: string;
}

interface RunningPortal {
  readonly portal: Portal;
  /** The process that runs all others. */
  readonly pid: number;
  /** Stop the portal; resolves to the exit code, or to null if a signal ended it. */
  readonly stop: () => Promise<number | null>;
}

/** The command that runs a portal. */
interface Installation {
  readonly program: string;
  /** The arguments before the options. */
  readonly first?: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const CHECKOUT: Installation = {
  program: PYTHON,
  first: [join(ROOT, "opsroom")],
  cwd: ROOT,
  env: process.env,
};

/** The line that `./opsroom up` prints once it is ready. */
const READY = /Page and API\s+(http:\/\/\S+)\//;

/** Start a portal, on a free port unless `options` name one. If it doesn't start, the error contains its output. */
export async function startPortal(
  options: readonly string[],
  environ: Readonly<Record<string, string>> = {},
  { program, first = [], cwd, env }: Installation = CHECKOUT,
): Promise<RunningPortal> {
  const args = [
    ...first,
    "up",
    "--port",
    "0",
    "--nats-port",
    "0",
    "--delay",
    process.env.E2E_DELAY ?? "2",
    ...options,
  ];
  const child = spawn(program, args, {
    cwd,
    env: { ...env, ...environ },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const url = await new Promise<string>((resolve, reject) => {
    const fail = () => reject(new Error(`the services did not start:\n${output}`));
    const patience = setTimeout(fail, READY_WITHIN_MS);
    child.once("exit", fail);
    // Keep reading after it is ready: a full pipe would block the services.
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (piece: string) => {
        output = (output + piece).slice(-20_000);
        const ready = READY.exec(output)?.[1];
        if (!ready) return;
        clearTimeout(patience);
        resolve(ready);
      });
    }
  });
  const stop = () =>
    new Promise<number | null>(resolve => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve(child.exitCode);
      child.once("exit", code => resolve(code));
      child.kill("SIGTERM");
    });
  return { portal: { url }, pid: child.pid ?? 0, stop };
}

/** Tests with their own portal, started with `options` once per worker. */
export const testsWithPortal = (options: readonly string[], environ: Readonly<Record<string, string>> = {}) =>
  base.extend<object, { portal: Portal }>({
    portal: [
      // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures from the pattern
      async ({}, use) => {
        const { portal, stop } = await startPortal(options, environ);
        await use(portal);
        await stop();
      },
      { scope: "worker", timeout: START_TIMEOUT_MS },
    ],
  });

/** Tests that share a portal; `OPSROOM_URL` selects a running one. */
export const test = process.env.OPSROOM_URL
  ? base.extend<object, { portal: Portal }>({
      portal: [{ url: process.env.OPSROOM_URL }, { option: true, scope: "worker" }],
    })
  : testsWithPortal(["--ephemeral"], {
      // A user whose connection broke stays that long, so that a test sees which of them have closed it.
      CHAT_BROKEN_SECONDS: "60",
      // Lets a test be the push service.
      CHAT_PUSH_PRIVATE: "1",
      CHAT_PUSH_DELAY_SECONDS: "1",
    });

let names = 0;
/** A name that no other test uses. */
export const uniqueName = (stem: string): string => `${stem}-${Date.now().toString(36)}${++names}`;

export async function joinChat(page: Page, name: string): Promise<void> {
  await page.getByRole("textbox", { name: "Nickname" }).fill(name);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
}

/** Show the servers to a user with a name, who may command them; resolves when the page is live. */
export async function openCloud(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await joinChat(page, uniqueName("Olga"));
  await page.goto(`${url}/#/cloud`);
  await expect(page.locator(".connection")).toContainText("Live");
}

/** Open the account menu, and return it. */
export async function openAccount(page: Page): Promise<Locator> {
  await page.locator(".account").click();
  const menu = page.locator(".account-menu");
  await menu.locator(".menu-item").first().waitFor();
  return menu;
}

/** Open the settings, in whatever language the page is. */
export async function openSettings(page: Page): Promise<Locator> {
  await (await openAccount(page)).locator(".menu-item").nth(1).click();
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  return dialog;
}

/** Give up the nickname, which frees it. */
export async function leaveChat(page: Page): Promise<void> {
  await (await openAccount(page)).getByRole("button", { name: "Give up the nickname" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Give up the nickname" }).click();
}

export async function sendMessage(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: "Type your message here" }).fill(text);
  await page.keyboard.press("Enter");
}

/** Send `texts` as a new user without a page, one after the other; resolves when all are stored. */
export async function sendAsNewUser(page: Page, texts: readonly string[]): Promise<void> {
  const name = uniqueName("Teller");
  await page.evaluate(
    async ([name, texts]) => {
      const answer = await fetch("/api/v1/chat/users", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ name }),
      });
      const { token } = await answer.json();
      const socket = new WebSocket(`${location.origin.replace("http", "ws")}/api/v1/chat/ws`, "opsroom.v1");
      await new Promise<void>((resolve, reject) => {
        let stored = 0;
        socket.onerror = () => reject(new Error("the teller's socket failed"));
        socket.onopen = () => socket.send(JSON.stringify({ type: "hello", token }));
        socket.onmessage = ({ data }) => {
          const { type, code } = JSON.parse(data);
          if (type === "error") reject(new Error(`the teller was refused: ${code}`));
          if (type === "ack") stored += 1;
          if (type === "ack" && stored === texts.length) resolve();
          const next = type === "welcome" ? 0 : stored;
          if ((type === "welcome" || type === "ack") && next < texts.length)
            socket.send(
              JSON.stringify({
                type: "send",
                clientId: `${name}-${next}`,
                room: "general",
                text: texts[next],
              }),
            );
        };
      });
      socket.close();
    },
    [name, texts] as const,
  );
}

/** Wait until an element has the focus of its page. In Firefox, the window of that page may be in the background. */
export const expectFocused = (element: Locator): Promise<void> =>
  expect.poll(() => element.evaluate(one => document.activeElement === one)).toBe(true);

/** Make the page's scripts see its tab as hidden or visible. */
export const setHidden = (page: Page, hidden: boolean): Promise<void> =>
  page.evaluate(value => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
