import { readFile } from "node:fs/promises";
import { expect, type Locator, type Page } from "@playwright/test";
import { createReady } from "./kit/instance-lifecycle";
import { openCloud, test } from "./kit/portal";

test.beforeEach(async ({ context, page, portal }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await openCloud(page, portal.url);
});

const clipboard = (page: Page): Promise<string> => page.evaluate(() => navigator.clipboard.readText());

async function saved(page: Page, button: Locator): Promise<{ name: string; text: string }> {
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), "utf8") };
}

test("the Worklog can be filtered, searched, copied and exported", async ({ page }) => {
  const [one, two] = [await createReady(page), await createReady(page)];
  const lines = page.locator(".line-text");
  const worklog = page.getByRole("region", { name: "Worklog" });

  await worklog.getByRole("button", { name: one }).first().click();
  await expect(lines).toHaveText(['INFO: Received "Create command"', "INFO: Created"]);
  await worklog.getByRole("combobox", { name: "Event" }).selectOption("created");
  await expect(lines).toHaveText(["INFO: Created"]);

  await worklog.getByRole("button", { name: "Copy" }).click();
  expect(await clipboard(page)).toMatch(
    new RegExp(`^\\d\\d:\\d\\d:\\d\\d \\d\\d\\.\\d\\d\\.\\d\\d\nServer: ${one}\nINFO: Created$`),
  );
  const csv = await saved(page, worklog.getByRole("button", { name: "CSV" }));
  expect(csv.name).toBe("worklog.csv");
  // Excel recognizes UTF-8 by the byte order mark.
  expect(csv.text.split("\r\n")).toEqual([
    "\uFEFFtimestamp,instanceId,kind,command,actor,code,detail,seq",
    expect.stringMatching(new RegExp(`^[^,]+Z,${one},created,create,Olga-[^,]+,,,\\d+$`)),
  ]);
  const json = await saved(page, worklog.getByRole("button", { name: "JSON" }));
  expect(json.name).toBe("worklog.json");
  expect(JSON.parse(json.text)).toMatchObject([{ instanceId: one, kind: "created", command: "create" }]);

  await worklog.getByRole("combobox", { name: "Server" }).selectOption("");
  await worklog.getByRole("searchbox").fill(two.slice(0, 13));
  await expect(lines).toHaveText(["INFO: Created"]);
  await worklog.getByRole("searchbox").fill("no such thing");
  await expect(worklog).toContainText("No entries found.");
  await worklog.getByRole("button", { name: "Show all" }).click();
  await expect(worklog.getByRole("searchbox")).toHaveValue("");
  await expect(lines.last()).toHaveText("INFO: Created");
});

test("instance ids can be copied; instances can be searched, filtered and sorted, and are counted", async ({
  page,
}) => {
  // High enough for the instances of other tests: the virtual list renders visible rows only.
  await page.setViewportSize({ width: 1180, height: 6_000 });
  const [one, two] = [await createReady(page), await createReady(page)];
  const shown = () => page.locator(".instance code").allTextContents();
  const of = async (...ids: string[]) => (await shown()).filter(id => ids.includes(id));
  await page.getByRole("button", { name: `Copy ID ${one}` }).click();
  expect(await clipboard(page)).toBe(one);

  expect(await of(one, two)).toEqual([two, one]);
  await page.getByRole("combobox", { name: "Sort" }).selectOption("steady");
  await expect.poll(() => of(one, two)).toEqual([one, two]);
  await page.getByRole("combobox", { name: "Sort" }).selectOption("id");
  await expect.poll(() => of(one, two)).toEqual([one, two].sort());

  const count = async (state: string) =>
    Number(new RegExp(`(\\d+) ${state}`).exec((await page.locator(".counts").textContent()) ?? "")?.[1]);
  const running = await count("running");
  await page.getByRole("button", { name: `Start ${two}` }).click();
  await page.getByRole("combobox", { name: "Show" }).selectOption("running");
  await expect.poll(shown).toContain(two);
  expect(await of(one)).toEqual([]);
  expect(await count("running")).toBe(running + 1);
  await page.getByRole("combobox", { name: "Show" }).selectOption("all");
  await page.getByRole("combobox", { name: "Sort" }).selectOption("state");
  await expect.poll(() => of(one, two)).toEqual([two, one]);
  await page.getByRole("searchbox", { name: "Find by ID" }).fill(one.slice(0, 13).toUpperCase());
  await expect.poll(shown).toEqual([one]);
});
