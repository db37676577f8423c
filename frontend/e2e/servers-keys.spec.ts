import { expect, type Page } from "@playwright/test";
import { createReady, rows } from "./kit/instance-lifecycle";
import { joinChat, openCloud, test, uniqueName } from "./kit/portal";

/** The most keys to any action on the server in the focused row. */
const KEYS_MAX = 8;

/** Counts the keys that a test presses. */
class Keyboard {
  count = 0;

  constructor(private readonly page: Page) {}

  async press(...keys: readonly string[]): Promise<void> {
    this.count += keys.length;
    for (const key of keys) await this.page.keyboard.press(key);
  }

  /** Focus the row of a server, from which the keys are counted. */
  async begin(name: string): Promise<void> {
    const row = this.page.locator("li", { has: this.page.getByRole("article", { name, exact: true }) });
    await row.focus();
    this.count = 0;
  }

  end(action: string): void {
    expect(this.count, action).toBeLessThanOrEqual(KEYS_MAX);
  }
}

test("every action on the server in the focused row takes a few keys", async ({ context, page, portal }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await openCloud(page, portal.url);
  const name = await createReady(page);
  const keys = new Keyboard(page);
  const row = page.getByRole("article", { name, exact: true });
  const dialog = page.getByRole("dialog");
  const menu = page.getByRole("menu");

  await keys.begin(name);
  await keys.press("m");
  await expect(menu).toBeVisible();
  await keys.press("Enter");
  await expect(row).toContainText("Running");
  keys.end("start");

  await keys.begin(name);
  await keys.press("m", "r", "Enter");
  await expect(row).toContainText("Restarting");
  keys.end("restart");
  await keys.begin(name);
  for (
    let n = 0;
    n < 7 && !(await row.getByRole("button", { name: /^Undo/ }).evaluate(one => one.matches(":focus")));
    n += 1
  )
    await keys.press("ArrowRight");
  await keys.press("Enter");
  keys.end("undo");
  await expect(row).not.toContainText("Restarting");

  await keys.begin(name);
  await keys.press("m", "p", "Enter");
  keys.end("protect");
  await expect(row.getByRole("img", { name: /^Protected/ })).toBeVisible();
  await keys.begin(name);
  await keys.press("m", "u", "Enter");
  keys.end("unprotect");
  await expect(row.getByRole("img", { name: /^Protected/ })).toHaveCount(0);

  await keys.begin(name);
  await keys.press("m", "e", "Enter");
  await expect(dialog.getByRole("textbox", { name: "Name" })).toBeFocused();
  await keys.press("Tab", "a", "Enter");
  keys.end("change the labels");
  await expect(row.locator(".tag")).toHaveText(["a"]);

  await keys.begin(name);
  await keys.press("m", "c", "Enter");
  keys.end("copy the id");
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^[0-9a-f-]{36}$/);

  await keys.begin(name);
  await keys.press("Enter");
  await expect(page.locator("#panel-title")).toBeFocused();
  await keys.press("Escape");
  await expect(page.locator(".server-panel")).toHaveCount(0);
  keys.end("details and back");

  // From the row to the commands for all that are selected.
  await keys.begin(name);
  await keys.press("x");
  await expect(page.getByRole("checkbox", { name: `Select ${name}` })).toBeChecked();
  const stop = page.getByRole("toolbar").getByRole("button", { name: "Stop" });
  while (!(await stop.evaluate(one => one.matches(":focus"))) && keys.count < 20)
    await keys.press("Shift+Tab");
  await keys.press("Enter");
  keys.end("stop all that are selected");
  await expect(row).toContainText("Stopped");

  await keys.begin(name);
  await keys.press("m", "End", "Enter");
  await expect(dialog).toContainText(name);
  await keys.press("Tab", "Enter");
  keys.end("remove");
  await expect(row).toHaveCount(0);
});

test("no key gets lost that is pressed before the search has opened", async ({ page, portal }) => {
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  const composer = page.getByRole("textbox", { name: "Type your message here" });
  await expect(composer).toBeFocused();
  let answer = () => {};
  const waiting = new Promise<void>(resolve => {
    answer = resolve;
  });
  await page.route("**/search.*.js", async route => {
    await waiting;
    await route.continue();
  });
  await page.keyboard.press("Control+k");
  await page.keyboard.type("servx");
  await page.keyboard.press("Backspace");
  answer();
  const field = page.getByRole("dialog", { name: "Search" }).getByRole("combobox");
  await expect(field).toBeFocused();
  await page.keyboard.type("er");
  await expect(field).toHaveValue("server");
  await page.keyboard.press("Escape");
  await expect(composer).toHaveValue("");
  // Also if the choice was made before.
  await page.keyboard.press("Control+k");
  await page.keyboard.type("servers");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/#\/servers$/);
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("Up leads from the empty field to the messages, and Escape back; Escape closes a panel", async ({
  page,
  portal,
}) => {
  const name = uniqueName("Ann");
  await page.goto(portal.url);
  await joinChat(page, name);
  const composer = page.getByRole("textbox", { name: "Type your message here" });
  await composer.fill("first");
  await page.keyboard.press("Enter");
  await expect(page.locator(".message.own")).toHaveCount(1);
  await composer.fill("second");
  await page.keyboard.press("ArrowUp");
  await expect(composer).toBeFocused();
  await composer.fill("");
  await page.keyboard.press("ArrowUp");
  await expect(page.locator(".edit-form textarea")).toHaveValue("first");
  await page.keyboard.press("Escape");
  await expect(composer).toBeFocused();
  await page.getByRole("link", { name: `${name} You` }).click();
  await expect(page.getByRole("complementary", { name, exact: true })).toBeVisible();
  await page.getByRole("link", { name: `${name} You` }).focus();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("complementary", { name, exact: true })).toHaveCount(0);
});

test("the list of keys is true", async ({ page, portal }) => {
  await openCloud(page, portal.url);
  const [one, two] = [await createReady(page), await createReady(page)];
  await page.keyboard.press("?");
  const keys = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  for (const text of ["Ctrl K", "G", "J K", "Enter", "M", "X", "↑", "Esc", "?"])
    await expect(keys.locator("kbd", { hasText: text }).first()).toBeVisible();
  await page.keyboard.press("Escape");
  await page.getByRole("group", { name: "Servers" }).focus();
  const at = () =>
    rows(page)
      .locator("xpath=ancestor::li")
      .evaluateAll(all => all.findIndex(row => row.matches(":focus")));
  await page.keyboard.press("j");
  await expect.poll(at).toBe(0);
  await page.keyboard.press("j");
  await expect.poll(at).toBe(1);
  await page.keyboard.press("k");
  await expect.poll(at).toBe(0);
  for (const name of [one, two])
    await expect(page.getByRole("article", { name, exact: true })).toHaveCount(1);
});
