import { expect, type Page } from "@playwright/test";

/** Take an instance through its whole life by the page's own buttons, and read what the Worklog says of it. */
export async function liveThrough(page: Page, timeout = 8_000): Promise<void> {
  await page.getByRole("button", { name: "Create new instance" }).click();
  const card = page.locator(".instance").first();
  await expect(card.locator(".pending")).toContainText("Creating");
  const id = (await card.locator("code").textContent()) ?? "";
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
  await page.getByRole("combobox", { name: "Instance" }).selectOption(id);
  await expect(page.locator(".line-text")).toHaveText([
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
