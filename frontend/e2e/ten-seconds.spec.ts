import { expect, test } from "@playwright/test";
import { liveThrough } from "./life";
import { startPortal } from "./portal";

test("a whole life at the real ten seconds, counted down", async ({ page }) => {
  test.setTimeout(150_000);
  const url = `http://127.0.0.1:${17_000 + (process.pid % 400)}`;
  const running = await startPortal(Number(new URL(url).port), ["--ephemeral", "--delay", "10"]);
  try {
    await page.goto(`${url}/#/cloud`);
    await expect(page.locator(".connection")).toContainText("Live");
    await page.getByRole("button", { name: "Create new instance" }).click();
    await expect(page.locator(".pending-due")).toHaveText(/in (9|10) s/);
    await expect(page.locator(".pending-due")).toHaveText("in 5 s");
    await expect(page.locator(".pending")).toHaveCount(0, { timeout: 8_000 });
    await liveThrough(page, 13_000);
  } finally {
    await running.stop();
  }
});
