import { expect } from "@playwright/test";
import { joinChat, openAccount, sendMessage, test, uniqueName } from "./kit/portal";

test("help opens the documentation that the portal serves, and nothing of it comes from elsewhere", async ({
  page,
  context,
  portal,
}) => {
  const elsewhere: string[] = [];
  const complaints: string[] = [];
  context.on("request", request => {
    // The search of the documentation starts its worker from a blob: URL of the page.
    const own = [portal.url, `blob:${portal.url}/`, "data:"];
    if (!own.some(start => request.url().startsWith(start))) elsewhere.push(request.url());
  });
  context.on("console", message => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  const menu = await openAccount(page);
  const [help] = await Promise.all([
    context.waitForEvent("page"),
    menu.getByRole("link", { name: "Help" }).click(),
  ]);
  await expect(help.getByRole("heading", { level: 1 })).toContainText("Start here");
  expect(help.url()).toBe(`${portal.url}/docs/`);
  // By the link, as a user would. The window may still load, and over BiDi `goto` then fails now and then: it compares
  // the id of its navigation, but Firefox reports that of another one to the same address.
  await help.setViewportSize({ width: 1280, height: 800 });
  await help.getByRole("link", { name: "Settings reference" }).click();
  await expect(help).toHaveURL(`${portal.url}/docs/reference/settings/`);
  const code = help.locator("code", { hasText: /^GATEWAY_OIDC_SESSION_HOURS$/ }).first();
  await help.setViewportSize({ width: 500, height: 800 });
  // A name that breaks in the middle has two boxes.
  expect(await code.evaluate(element => element.getClientRects().length)).toBe(1);
  await help.setViewportSize({ width: 1280, height: 800 });
  const panel = help.getByRole("button", { name: "Close search" });
  // Enter opens the first result, once there is one. On a busy machine that may be one of the first letters.
  await expect(async () => {
    await help.goto(`${portal.url}/docs/reference/settings/`);
    await expect(async () => {
      // The button works only once the scripts have run.
      if (!(await panel.isVisible())) await help.locator(".md-search__button").click();
      await expect(panel).toBeVisible({ timeout: 5_000 });
    }).toPass();
    await help.keyboard.type("backup");
    await expect(async () => {
      await help.keyboard.press("Enter");
      await expect(help).not.toHaveURL(/settings/, { timeout: 2_000 });
    }).toPass({ timeout: 15_000 });
    await expect(help).toHaveURL(/\/operations\/.*#backup/, { timeout: 2_000 });
  }).toPass();
  expect(elsewhere).toEqual([]);
  expect(complaints).toEqual([]);
});

test("a line that begins with a slash is a command, and is not said to all", async ({ page, portal }) => {
  const name = uniqueName("Ann");
  await page.goto(portal.url);
  await joinChat(page, name);
  const field = page.getByRole("textbox", { name: "Type your message here" });
  const note = page.locator(".composer-note");
  await sendMessage(page, "/help");
  await expect(note).toContainText("/who – list who is here");
  await expect(field).toHaveValue("");
  await expect(page.locator(".people-count")).toContainText(/[1-9]/);
  await sendMessage(page, "/who");
  await expect(note).toContainText(name);
  await sendMessage(page, "/dance");
  await expect(note).toContainText("There is no command /dance.");
  await expect(field).toHaveValue("/dance");
  await sendMessage(page, `//${name}`);
  await expect(page.locator(".message.own")).toHaveText(new RegExp(`/${name}`));
  await expect(page.locator(".message.own")).toHaveCount(1);
  await expect(note).toBeEmpty();
  await sendMessage(page, "/quit");
  await expect(page.getByRole("dialog")).toBeVisible();
});
