import { expect } from "@playwright/test";
import { expectAccessible, expectGoodAppearance } from "./kit/accessibility";
import { openAccount, testsWithPortal } from "./kit/portal";
import { issueTokens, signIn } from "./kit/tokens";

const { tokens: TOKENS, setting } = issueTokens({ olga: "operator", ada: "admin" });

const test = testsWithPortal(["--ephemeral", "--access", "token", "--delay", "5"], {
  GATEWAY_TOKENS: setting,
});
test.describe.configure({ mode: "default" });

test("an admin makes a hook, its alert is a card that is updated, and its secret can be replaced", async ({
  page,
  portal,
  request,
}) => {
  await page.goto(portal.url);
  await signIn(page, TOKENS.ada);
  await (await openAccount(page)).getByRole("link", { name: "Hooks" }).click();
  await expect(page.getByText("No hooks yet")).toBeVisible();
  await page.getByRole("button", { name: "New hook" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("monitor");
  await expectAccessible(page);
  await page.keyboard.press("Enter");
  await page.getByRole("combobox", { name: "Sender" }).selectOption("json");
  const address = await page.getByRole("textbox", { name: "Address" }).inputValue();
  expect(address).toMatch(/\/hooks\/[\w-]+\/json$/);
  await expectGoodAppearance(page, "hook-address");
  await page.getByRole("button", { name: "Done" }).click();
  await expect(page.getByRole("row", { name: /monitor/ })).toContainText("general");
  await expectGoodAppearance(page, "hooks");

  const report = { key: "db", title: "db-1 does not answer", severity: "critical", text: "None for **2m**" };
  const post = (status: string) => request.post(address, { data: { ...report, status } });
  expect((await post("firing")).ok()).toBe(true);
  await page.goto(`${portal.url}/#/rooms/general`);
  const card = page.locator(".room .card");
  await expect(card).toHaveCount(1);
  await expect(card.locator(".card-status")).toHaveText("Firing");
  await expect(card).toContainText("critical");
  await expect(card.locator("strong", { hasText: "2m" })).toBeVisible();
  await expectGoodAppearance(page, "hook-card");
  expect((await post("resolved")).ok()).toBe(true);
  await expect(card.locator(".card-status")).toHaveText("Resolved");
  await expect(card).toHaveCount(1);

  await page.goto(`${portal.url}/#/hooks`);
  await page.getByRole("button", { name: "New secret for monitor" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "New secret" }).click();
  await expect(page.getByRole("textbox", { name: "Address" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("row", { name: /monitor/ })).toContainText("the one before works until");
  await page.getByRole("button", { name: "Remove monitor" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText("No hooks yet")).toBeVisible();
  expect((await post("firing")).ok()).toBe(false);
});

test("an operator's commands are done, and the card of an operation follows it", async ({ page, portal }) => {
  await page.goto(portal.url);
  await signIn(page, TOKENS.olga);
  const composer = page.locator(".room > .composer textarea");
  const say = async (text: string) => {
    await composer.fill(text);
    // Closes the suggestions, so that Enter sends.
    await composer.press("Escape");
    await composer.press("Enter");
  };
  const card = page.locator(".room .card");
  await say("/create as web-1 started");
  await expect(page.locator(".message-body.command")).toHaveText(/\/create as/);
  await expect(card.last().getByRole("button", { name: /Undo/ })).toBeVisible();
  await expectGoodAppearance(page, "command-card");
  await expect(card.last().locator(".card-status")).toHaveText("Done");
  await say("/restart web-1");
  await expect(page.locator(".message-body.command")).toHaveCount(2);
  await card.last().getByRole("button", { name: /Undo/ }).click();
  await expect(card.last().locator(".card-status")).toHaveText("Undone");
  await say("/ps");
  await expect(card.last().locator(".card-server")).toHaveText(/web-1/);
  await expectGoodAppearance(page, "command-servers");
  await page.goto(`${portal.url}/#/hooks`);
  await expect(page.getByText("You need the admin role to manage hooks.")).toBeVisible();
});
