import { readFile } from "node:fs/promises";
import { expect, type Locator, type Page } from "@playwright/test";
import { createReady, group, nameOf, rows } from "./kit/instance-lifecycle";
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
  const entries = page.locator(".log-entry");
  const worklog = page.getByRole("region", { name: "Worklog" });

  await page.getByRole("button", { name: `More: ${one}` }).click();
  await page.getByRole("menuitem", { name: "Show in the Worklog" }).click();
  await expect(entries).toHaveText([/create · Olga-.*✓Created .* s$/]);
  await worklog.getByRole("combobox", { name: "Event" }).selectOption("started");
  await expect(worklog).toContainText("No entries found.");
  await worklog.getByRole("combobox", { name: "Event" }).selectOption("created");
  await expect(entries).toHaveText([/create · Olga-/]);

  await worklog.getByRole("button", { name: "Copy" }).click();
  expect(await clipboard(page)).toMatch(
    new RegExp(
      `^\\d\\d:\\d\\d:\\d\\d \\d\\d\\.\\d\\d\\.\\d\\d\nServer: ${one}\nINFO: Received "Create command"\n\n[^]*\nINFO: Created$`,
    ),
  );
  const csv = await saved(page, worklog.getByRole("button", { name: "CSV" }));
  expect(csv.name).toBe("worklog.csv");
  // Excel recognizes UTF-8 by the byte order mark.
  expect(csv.text.split("\r\n")).toEqual([
    "\uFEFFtimestamp,instanceId,kind,command,actor,code,detail,seq,name,operationId",
    expect.stringMatching(new RegExp(`^[^,]+Z,[^,]+,received,create,Olga-[^,]+,,,\\d+,${one},\\w+$`)),
    expect.stringMatching(new RegExp(`^[^,]+Z,[^,]+,created,create,Olga-[^,]+,,,\\d+,${one},\\w+$`)),
  ]);
  const json = await saved(page, worklog.getByRole("button", { name: "JSON" }));
  expect(json.name).toBe("worklog.json");
  expect(JSON.parse(json.text)).toMatchObject([{ kind: "received" }, { name: one, kind: "created" }]);

  await worklog.getByRole("combobox", { name: "Server" }).selectOption("");
  await worklog.getByRole("searchbox").fill(two);
  await expect(entries).toHaveText([new RegExp(`${two} create`)]);
  await worklog.getByRole("searchbox").fill("no such thing");
  await expect(worklog).toContainText("No entries found.");
  await worklog.getByRole("button", { name: "Show all" }).click();
  await expect(worklog.getByRole("searchbox")).toHaveValue("");
  await expect(entries.first()).toBeVisible();
});

test("the filters of the Worklog are in its address, and back and forward lead through them", async ({
  page,
  portal,
}) => {
  const [one, two] = [await createReady(page), await createReady(page)];
  const entries = page.locator(".log-entry");
  const worklog = page.getByRole("region", { name: "Worklog" });
  const choose = (name: string, option: string) =>
    worklog.getByRole("combobox", { name }).selectOption(option);
  const query = () => new URLSearchParams(new URL(page.url()).hash.split("?")[1]);

  await choose("Server", one);
  await expect(entries).toHaveText([new RegExp(`${one} create`)]);
  await choose("Event", "started");
  await expect(worklog).toContainText("No entries found.");
  await page.goBack();
  await expect(entries).toHaveText([new RegExp(`${one} create`)]);
  await page.goBack();
  await expect(entries.filter({ hasText: two })).toHaveCount(1);
  await page.goForward();
  await expect(entries).toHaveText([new RegExp(`${one} create`)]);

  const me = (await entries.locator("bdi").textContent()) ?? "";
  await choose("Person", me);
  await choose("Time", "today");
  await expect(entries).toHaveCount(1);
  expect(Object.fromEntries(query())).toEqual({
    server: one,
    who: me,
    from: expect.stringMatching(/^\d{4}-/),
  });
  await page.reload();
  await expect(entries).toHaveText([new RegExp(`${one} create`)]);
  await expect(worklog.getByRole("combobox", { name: "Time" })).toHaveValue("today");
  await expect(worklog.getByRole("combobox", { name: "Person" })).toHaveValue(me);

  // A server beside the list, and back: the filters are still there.
  await entries.getByRole("link", { name: one }).click();
  await expect(page.locator("#panel-title")).toHaveText(one);
  await page.getByRole("link", { name: "Worklog", exact: true }).last().click();
  await expect(worklog.getByRole("combobox", { name: "Server" })).toHaveValue(one);

  // Days, with both ends.
  const today = query().get("from") ?? "";
  await page.goto(`${portal.url}/#/servers?server=${one}&from=2001-02-03&to=2001-02-04`);
  await expect(worklog).toContainText("No entries found.");
  await expect(worklog.getByLabel("From")).toHaveValue("2001-02-03");
  await worklog.getByLabel("To", { exact: true }).fill(today);
  await expect(entries).toHaveText([new RegExp(`${one} create`)]);
  expect(query().get("to")).toBe(today);
  await worklog.getByLabel("From").fill("");
  await expect(entries).toHaveCount(1);
  await choose("Time", "");
  expect(Object.fromEntries(query())).toEqual({ server: one });
  // What is no filter is ignored.
  await page.goto(`${portal.url}/#/servers?what=dance&from=2001-02-31&server=${two}`);
  await expect(entries).toHaveText([new RegExp(`${two} create`)]);
});

test("ids can be copied; servers can be searched, filtered and sorted, and are counted", async ({ page }) => {
  // High enough for the servers of other tests: the virtual list renders visible rows only.
  await page.setViewportSize({ width: 1180, height: 6_000 });
  const [one, two] = [await createReady(page), await createReady(page)];
  const shown = () => rows(page).locator(".server-name a").allTextContents();
  const of = async (...names: string[]) => (await shown()).filter(name => names.includes(name));
  await page.getByRole("button", { name: `More: ${one}` }).click();
  await page.getByRole("menuitem", { name: "Copy ID" }).click();
  await expect.poll(async () => nameOf(await clipboard(page))).toBe(one);

  expect(await of(one, two)).toEqual([two, one]);
  const sort = page.getByRole("combobox", { name: "Sort" });
  await sort.selectOption("steady");
  await expect.poll(() => of(one, two)).toEqual([one, two]);
  await sort.selectOption("name");
  await expect.poll(() => of(one, two)).toEqual([one, two].sort());

  const count = async (name: string) =>
    Number(/\d+/.exec((await group(page, name).textContent()) ?? "")?.[0]);
  const running = await count("running");
  await page.getByRole("button", { name: `Start ${two}` }).click();
  await group(page, "running").click();
  await expect.poll(shown).toContain(two);
  expect(await of(one)).toEqual([]);
  expect(await count("running")).toBe(running + 1);
  await group(page, "all").click();
  await sort.selectOption("state");
  await expect.poll(() => of(one, two)).toEqual([two, one]);
  await page.getByRole("searchbox", { name: "Find by name" }).fill(one.toUpperCase());
  await expect.poll(shown).toEqual([one]);
});
