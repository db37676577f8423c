import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, type Page, test } from "@playwright/test";
import { ROWS_PER_JUMP, rowsAddedBy, rowsPerJump } from "./kit/frames";
import { group, rows } from "./kit/instance-lifecycle";
import { openCloud, ROOT, startPortal } from "./kit/portal";

const run = promisify(execFile);

const ids = (page: Page): Promise<string[]> => rows(page).locator(".server-name a").allTextContents();

test("10,000 instances are listed, found, sorted and commanded in a virtual list", async ({ page }) => {
  const data = await mkdtemp(join(tmpdir(), "opsroom-"));
  const { portal, stop } = await startPortal(["--data", data, "--delay", "0.5"]);
  try {
    // Write the events directly: the services would take minutes for as many commands.
    const env = { ...process.env, OPSROOM_DATA: data };
    await run(join(ROOT, ".venv", "bin", "python"), ["-m", "tests.system.instances", "10000"], {
      cwd: ROOT,
      env,
    });
    await openCloud(page, portal.url);
    await expect(group(page, "stopped")).toContainText("10,000");
    expect(await rows(page).count()).toBeLessThan(60);
    const list = page.locator(".widget").first().locator(".virtual-list-scroll");
    expect(await rowsPerJump(list)).toBeLessThan(ROWS_PER_JUMP);

    await page.getByRole("combobox", { name: "Sort" }).selectOption("name");
    await list.evaluate(box => box.scrollTo(0, 0));
    await expect
      .poll(async () => (await ids(page)).toSorted().join() === (await ids(page)).join())
      .toBe(true);
    const [first = ""] = await ids(page);
    const search = page.getByRole("searchbox", { name: "Find by name" });
    // Some dozens of random ids contain this.
    await search.fill("abc");
    await expect.poll(async () => (await ids(page)).length).toBeGreaterThan(0);
    const added = await rowsAddedBy(list, async () => {
      await search.fill(first);
      await expect.poll(() => ids(page)).toEqual([first]);
    });
    expect(added).toBeLessThan(ROWS_PER_JUMP);

    await page.getByRole("button", { name: `Start ${first}` }).click();
    await expect(page.getByRole("article", { name: first })).toContainText("Running");
    await search.fill("");
    await group(page, "running").click();
    await expect.poll(() => ids(page)).toEqual([first]);
    await expect(group(page, "running")).toContainText("1");
    await expect(group(page, "stopped")).toContainText("9,999");
  } finally {
    await stop();
    await rm(data, { recursive: true });
  }
});
