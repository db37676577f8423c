import { expect, type Locator, type Page } from "@playwright/test";

/** The name of a server that was given none. */
export const nameOf = (id: string): string => `server-${id.replaceAll("-", "").slice(0, 8)}`;

/**
 * Run `act`, which creates a server, and return its name, which follows from the id in the server's response. Other tests share the services,
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
  return nameOf(operation.instanceId);
}

/** Create an instance with the page's button; it is pending. */
export const create = (page: Page): Promise<string> => createdBy(page, () => confirmCreation(page));

/** Create a server with all defaults: two clicks. */
export async function confirmCreation(page: Page): Promise<void> {
  await page.locator(".create").click();
  await page.locator(".dialog [type=submit]").click();
  await expect(page.locator(".dialog")).toHaveCount(0);
}

/** The rows of servers, without the headings. */
export const rows = (page: Page): Locator => page.locator(".server:not(.headings)");

/** The button that shows a group of servers, with its count. */
export const group = (page: Page, name: string): Locator => page.locator(`.group[data-group="${name}"]`);

/** Create an instance, and wait until it accepts commands. */
export async function createReady(page: Page): Promise<string> {
  const id = await create(page);
  await expect(page.getByRole("button", { name: `Start ${id}` })).toBeEnabled();
  return id;
}

/** The number of all instances, including those outside the visible area. */
export async function countInstances(page: Page): Promise<number> {
  return Number(/\d+/.exec((await group(page, "all").textContent()) ?? "")?.[0]);
}

/** Have `page` receive a list of `count` stopped instances instead of those of the server. */
export async function serveInstances(page: Page, count: number): Promise<void> {
  await page.route("**/api/v1/cloud/instances", async route => {
    if (route.request().method() !== "GET") return route.fallback();
    const response = await route.fetch();
    const list = await response.json();
    const id = (n: number) => `${n.toString(16).padStart(8, "0")}-0000-4000-8000-000000000000`;
    const instances = Array.from({ length: count }, (_, n) => ({
      ...{ id: id(n), name: nameOf(id(n)), state: "stopped", labels: {}, provider: "simulated" },
      ...{ protected: false, condition: "ok" },
      timestamp: new Date(Date.UTC(2026, 0, 1) + n * 1_000).toISOString(),
    }));
    await route.fulfill({ response, json: { ...list, instances } });
  });
}

/** Expect the entries of one server in the Worklog, latest first: commands and their outcomes. */
export async function expectWorklog(
  page: Page,
  name: string,
  entries: readonly (readonly [command: string, outcome: string])[],
): Promise<void> {
  await page
    .getByRole("region", { name: "Worklog" })
    .getByRole("combobox", { name: "Server" })
    .selectOption(name);
  await expect(page.locator(".log-entry")).toHaveText(
    entries.map(([command, outcome]) => new RegExp(`${name} ${command} · .*${outcome}`)),
  );
}

/** Create, start, stop and remove an instance with the page's buttons, and check the Worklog. */
export async function runLifecycle(page: Page): Promise<void> {
  const id = await create(page);
  const mine = page.getByRole("article", { name: id, exact: true });
  await mine.getByRole("button", { name: `Start ${id}` }).click();
  await expect(mine).toContainText("Running");
  // Stop is where Start was: the page ignores a click on what has just appeared under a resting pointer.
  await page.mouse.move(0, 0);
  await mine.getByRole("button", { name: `Stop ${id}` }).click();
  await expect(mine.getByRole("button", { name: `Start ${id}` })).toBeVisible();
  await mine.getByRole("button", { name: `Remove ${id}` }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText(id);
  await dialog.getByRole("button", { name: "Remove" }).click();
  await expect(mine).toHaveCount(0);
  await expectWorklog(page, id, [
    ["remove", "✓Removed"],
    ["stop", "✓Stopped"],
    ["start", "✓Started"],
    ["create", "✓Created"],
  ]);
}
