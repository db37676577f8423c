import { expect, type Page } from "@playwright/test";
import { create, expectWorklog, liveThrough } from "./life";
import { portalOf } from "./portal";

// What is only to be seen while a command is pending is tested where that takes its real time.
const test = portalOf(["--ephemeral", "--delay", "10"]);
test.describe.configure({ mode: "default" });

test.beforeEach(async ({ page, portal }) => {
  await page.goto(`${portal.url}/#/cloud`);
  await expect(page.locator(".connection")).toContainText("Live");
});

/** Note every second that a countdown shows; to be read by the function that this answers. */
async function noteSeconds(page: Page): Promise<() => Promise<number[]>> {
  await page.evaluate(() => {
    const seen = new Set<number>();
    Object.assign(window, { seen });
    const look = () => {
      const said = /^in (\d+) s$/.exec(document.querySelector(".pending-due")?.textContent ?? "")?.[1];
      if (said) seen.add(Number(said));
      requestAnimationFrame(look);
    };
    look();
  });
  return () => page.evaluate(() => [...(window as unknown as { seen: Set<number> }).seen]);
}

test("what is pending is found by that, and undo takes it back", async ({ page }) => {
  const id = await create(page);
  const card = page.getByRole("article", { name: id });
  await expect(card.locator(".pending")).toContainText("Creating");
  const show = page.getByRole("combobox", { name: "Show" });
  await show.selectOption("running");
  await expect(page.getByText("No instance matches.")).toBeVisible();
  await show.selectOption("pending");
  await card.getByRole("button", { name: /^Undo/ }).click();
  await expect(card).toHaveCount(0);
  await expectWorklog(page, id, ['INFO: Received "Create command"', 'INFO: Cancelled "Create command"']);
});

test("a whole life at the real ten seconds, counted down", async ({ page }) => {
  test.setTimeout(150_000);
  const seconds = await noteSeconds(page);
  await liveThrough(page, 30_000);
  expect(await seconds()).toEqual(expect.arrayContaining([9, 8, 7, 6, 5, 4, 3, 2, 1]));
});
