import { expect, type Page } from "@playwright/test";

/**
 * Do what has the page create an instance, and return its id, as the server said it. Nothing is known by its place
 * in the list: services are shared, and others may have made something as well.
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

/** Create an instance by the page's button; it is pending. */
export const create = (page: Page): Promise<string> =>
  createdBy(page, () => page.getByRole("button", { name: "Create new instance" }).click());

/** Create an instance, and wait until it can be commanded. */
export async function createWhole(page: Page): Promise<string> {
  const id = await create(page);
  await expect(page.getByRole("button", { name: `Start ${id}` })).toBeEnabled();
  return id;
}

/** How many instances there are, also those out of sight. */
export async function countAll(page: Page): Promise<number> {
  const told = (await page.locator(".counts").textContent()) ?? "";
  return [...told.matchAll(/(\d+) (?:running|stopped)/g)].reduce((sum, [, one]) => sum + Number(one), 0);
}

/** What the Worklog says of one instance. */
export async function expectWorklog(page: Page, id: string, lines: readonly string[]): Promise<void> {
  await page.getByRole("combobox", { name: "Instance" }).selectOption(id);
  await expect(page.locator(".line-text")).toHaveText([...lines]);
}

/** Take an instance through its whole life by the page's own buttons, and read what the Worklog says of it. */
export async function liveThrough(page: Page, timeout = 15_000): Promise<void> {
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
