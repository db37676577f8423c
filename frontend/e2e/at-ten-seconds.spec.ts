import { expect, test } from "@playwright/test";
import { liveThrough } from "./life";
import { startPortal } from "./portal";

// Takes most of a minute and mostly waits: its name has it begin first.
test("a whole life at the real ten seconds, counted down", async ({ page }) => {
  test.setTimeout(150_000);
  const { portal, stop } = await startPortal(["--ephemeral", "--delay", "10"]);
  try {
    await page.goto(`${portal.url}/#/cloud`);
    await expect(page.locator(".connection")).toContainText("Live");
    const counted = expect(page.locator(".pending-due"))
      .toHaveText(/in (9|10) s/)
      .then(() => expect(page.locator(".pending-due")).toHaveText("in 5 s"));
    await Promise.all([liveThrough(page, 20_000), counted]);
  } finally {
    await stop();
  }
});
