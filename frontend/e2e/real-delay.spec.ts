import { expect, type Page } from "@playwright/test";
import { create, expectWorklog, group, runLifecycle } from "./kit/instance-lifecycle";
import { openCloud, testsWithPortal } from "./kit/portal";

// Tests of pending commands use the real delay.
const test = testsWithPortal(["--ephemeral", "--delay", "10"]);
test.describe.configure({ mode: "default" });

test.beforeEach(async ({ page, portal }) => {
  await openCloud(page, portal.url);
});

/** Record every second that a countdown shows. Returns a function that reads them. */
async function recordSeconds(page: Page): Promise<() => Promise<number[]>> {
  await page.evaluate(() => {
    const seen = new Set<number>();
    Object.assign(window, { seen });
    const look = () => {
      const second = /^in (\d+) s$/.exec(document.querySelector(".pending-due")?.textContent ?? "")?.[1];
      if (second) seen.add(Number(second));
      requestAnimationFrame(look);
    };
    look();
  });
  return () => page.evaluate(() => [...(window as unknown as { seen: Set<number> }).seen]);
}

test("pending instances can be filtered, and undo cancels the command", async ({ page }) => {
  const id = await create(page);
  const card = page.getByRole("article", { name: id });
  await expect(card.locator(".pending")).toContainText("Creating");
  await group(page, "running").click();
  await expect(page.getByText("No servers found.")).toBeVisible();
  await group(page, "pending").click();
  await card.getByRole("button", { name: /^Undo/ }).click();
  await expect(card).toHaveCount(0);
  await expectWorklog(page, id, [["create", "undone by Olga-"]]);
});

test("a click where Undo was hits no command", async ({ page }) => {
  const id = await create(page);
  const card = page.getByRole("article", { name: id });
  const undo = card.getByRole("button", { name: "Undo" });
  await undo.hover();
  const box = await undo.boundingBox();
  if (!box) throw new Error("Undo is not visible");
  await expect(page.getByRole("button", { name: `Start ${id}` })).toBeEnabled();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(card).not.toContainText("Starting");
  await expect(card).toHaveCount(1);
});

test("an instance's whole lifecycle with the real delay of ten seconds, and its countdown", async ({
  page,
}) => {
  const seconds = await recordSeconds(page);
  await runLifecycle(page);
  // A busy machine may not draw every second, even of several countdowns.
  expect((await seconds()).length).toBeGreaterThan(5);
});
