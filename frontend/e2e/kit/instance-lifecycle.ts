import { expect, type Page } from "@playwright/test";

/**
 * Run `act`, which creates an instance, and return its id from the server's response. Other tests share the services,
 * so a position in the list doesn't identify an instance.
 */
export async function createdBy(page: Page, act: () => Promise<void>): Promise<string> {
  const [answer] = await Promise.all([
    page.waitForResponse(
      response => response.request().method() === "POST" && response.url().endsWith("/cloud/instances"),
    ),
    act(),
  ]);
  const { operation } = await answer.json();
  return operation.instanceId;
}

/** Create an instance with the page's button; it is pending. */
export const create = (page: Page): Promise<string> =>
  createdBy(page, () => page.getByRole("button", { name: "Create server" }).click());

/** Create an instance, and wait until it accepts commands. */
export async function createReady(page: Page): Promise<string> {
  const id = await create(page);
  await expect(page.getByRole("button", { name: `Start ${id}` })).toBeEnabled();
  return id;
}

/** The number of all instances, including those outside the visible area. */
export async function countInstances(page: Page): Promise<number> {
  const counts = (await page.locator(".counts").textContent()) ?? "";
  return [...counts.matchAll(/(\d+) (?:running|stopped)/g)].reduce((sum, [, one]) => sum + Number(one), 0);
}

/** Have `page` receive a list of `count` stopped instances instead of those of the server. */
export async function serveInstances(page: Page, count: number): Promise<void> {
  await page.route("**/api/v1/cloud/instances", async route => {
    if (route.request().method() !== "GET") return route.fallback();
    const response = await route.fetch();
    const list = await response.json();
    const id = (n: number) => `${n.toString(16).padStart(8, "0")}-0000-4000-8000-000000000000`;
    const instances = Array.from({ length: count }, (_, n) => ({
      ...{ id: id(n), state: "stopped" },
      timestamp: new Date(Date.UTC(2026, 0, 1) + n * 1_000).toISOString(),
    }));
    await route.fulfill({ response, json: { ...list, instances } });
  });
}

/** Expect the lines of one instance in the Worklog. */
export async function expectWorklog(page: Page, id: string, lines: readonly string[]): Promise<void> {
  await page.getByRole("combobox", { name: "Server" }).selectOption(id);
  await expect(page.locator(".line-text")).toHaveText([...lines]);
}

/** Create, start, stop and remove an instance with the page's buttons, and check the Worklog. */
export async function runLifecycle(page: Page, timeout = 15_000): Promise<void> {
  const id = await create(page);
  const mine = page.getByRole("article", { name: id, exact: true });
  await mine.getByRole("button", { name: `Start ${id}` }).click({ timeout });
  await expect(mine).toContainText("Running", { timeout });
  await mine.getByRole("button", { name: `Stop ${id}` }).click();
  await expect(mine.getByRole("button", { name: `Start ${id}` })).toBeVisible({ timeout });
  await mine.getByRole("button", { name: `Remove ${id}` }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText(id);
  await dialog.getByRole("button", { name: "Remove" }).click();
  await expect(mine).toHaveCount(0, { timeout });
  await expectWorklog(page, id, [
    'INFO: Received "Create command"',
    "INFO: Created",
    'INFO: Received "Start command"',
    "INFO: Started",
    'INFO: Received "Stop command"',
    "INFO: Stopped",
    'INFO: Received "Remove command"',
    "INFO: Removed",
  ]);
}
