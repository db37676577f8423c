import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { joinChat, sendMessage, startPortal, uniqueName } from "./kit/portal";

test("a page reconnects after a restart of the server and misses nothing", async ({ browser }) => {
  const data = await mkdtemp(join(tmpdir(), "opsroom-e2e-"));
  let running = await startPortal(["--data", data]);
  try {
    const { port } = new URL(running.portal.url);
    const [ann, bob] = await Promise.all([browser.newPage(), browser.newPage()]);
    for (const page of [ann, bob]) {
      await page.goto(running.portal.url);
      await joinChat(page, uniqueName("Someone"));
    }
    await sendMessage(ann, "before");
    await expect(bob.locator(".message-text", { hasText: "before" })).toBeVisible();
    await running.stop();
    await expect(ann.locator(".connection")).toContainText(/Reconnecting in \d+ s|Connecting/);
    await sendMessage(ann, "meanwhile");
    running = await startPortal(["--data", data, "--port", port]);
    await ann
      .getByRole("button", { name: "Try now" })
      .click({ timeout: 2_000 })
      .catch(() => {});
    await expect(ann.locator(".connection")).toContainText("Live");
    await expect(bob.locator(".connection")).toContainText("Live");
    await sendMessage(bob, "after");
    for (const page of [ann, bob]) {
      await expect(page.locator(".message-text")).toHaveText(["before", "meanwhile", "after"]);
    }
    await Promise.all([ann.close(), bob.close()]);
  } finally {
    await running.stop();
    await rm(data, { recursive: true, force: true });
  }
});
