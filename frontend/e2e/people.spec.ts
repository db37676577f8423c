import { type Browser, expect, type Locator, type Page } from "@playwright/test";
import { expectAccessible, expectGoodAppearance, HARDEST_SETTING } from "./kit/accessibility";
import { joinChat, openAccount, sendMessage, testsWithPortal, uniqueName } from "./kit/portal";
import { issueTokens, signIn } from "./kit/tokens";

const { tokens: TOKENS, setting } = issueTokens({ olga: "operator", ada: "admin" });

const test = testsWithPortal(["--ephemeral", "--access", "token"], {
  GATEWAY_TOKENS: setting,
});
// All tests share one portal.
test.describe.configure({ mode: "default" });

/** A page of another device, with what it shows under `path`. */
async function device(browser: Browser, address: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(address);
  return page;
}

/** The page of an admin that shows the people. */
async function peoplePage(browser: Browser, url: string): Promise<Page> {
  const page = await device(browser, url);
  await signIn(page, TOKENS.ada);
  await page.goto(`${url}/#/people`);
  await expect(page.getByRole("heading", { name: "People", exact: true })).toBeVisible();
  return page;
}

const rowOf = (page: Page, name: string): Locator => page.getByRole("row").filter({ hasText: name });

/** Invite `name`, and return the link. */
async function invite(page: Page, name: string, role = "Operator"): Promise<string> {
  await page.getByRole("button", { name: "Invite" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "Nickname" }).fill(name);
  await dialog.getByRole("combobox", { name: "Role" }).selectOption(role);
  await dialog.getByRole("button", { name: "Create link" }).click();
  const link = await dialog.getByRole("textbox", { name: "Link" }).inputValue();
  await dialog.getByRole("button", { name: "Done" }).click();
  return link;
}

const closeAll = (...pages: readonly Page[]) => Promise.all(pages.map(page => page.context().close()));

test("an admin invites a colleague with five presses and a name, and the link works once", async ({
  browser,
  portal,
}) => {
  const admin = await device(browser, portal.url);
  await signIn(admin, TOKENS.ada);
  const name = uniqueName("Bob");
  let presses = 0;
  const press = async (target: Locator) => {
    presses += 1;
    await target.click();
  };
  await press(admin.locator(".account"));
  await press(admin.locator(".account-menu").getByRole("link", { name: "People" }));
  await press(admin.getByRole("button", { name: "Invite" }));
  await admin.keyboard.type(name);
  await press(admin.getByRole("button", { name: "Create link" }));
  await expect(admin.getByRole("dialog")).toContainText("Send it privately");
  await expectAccessible(admin);
  const link = await admin.getByRole("textbox", { name: "Link" }).inputValue();
  await press(admin.getByRole("button", { name: "Copy link" }));
  expect(presses).toBe(5);
  await admin.getByRole("button", { name: "Done" }).click();
  const pending = admin.getByRole("region", { name: "Pending invitations" });
  await expect(pending.getByRole("listitem")).toContainText([name]);

  const bob = await device(browser, link);
  await expect(bob.locator(".account")).toContainText(name);
  await expect(bob).toHaveURL(`${portal.url}/#/rooms/general`);
  expect(await bob.evaluate(() => JSON.stringify({ ...localStorage }))).not.toContain(link.split("/").at(-1));
  await bob.getByRole("link", { name: "Servers", exact: true }).click();
  await expect(bob.getByRole("button", { name: "Create server" })).toBeVisible();
  const menu = await openAccount(bob);
  await expect(menu).toContainText("Operator");
  await expect(menu).toContainText("control servers");

  const late = await device(browser, link);
  await expect(late.getByRole("alert").filter({ hasText: "This link was used" })).toBeVisible();
  await expectAccessible(late);
  await late.getByRole("button", { name: "Close" }).click();
  await expect(late.getByRole("textbox", { name: "Nickname" })).toBeVisible();

  await expect(pending.getByRole("listitem")).toHaveCount(0);
  await expect(rowOf(admin, name)).toContainText("Here now");
  await expect(rowOf(admin, name)).toContainText("1 device");
  await closeAll(admin, bob, late);
});

test("a token is the same person on each device, and signing out here keeps the others", async ({
  browser,
  portal,
}) => {
  const [first, second] = await Promise.all([device(browser, portal.url), device(browser, portal.url)]);
  for (const page of [first, second]) await signIn(page, TOKENS.olga);
  for (const page of [first, second]) {
    await expect(page.locator(".account")).toContainText("olga");
    await expect(page.getByRole("list", { name: "People" }).getByText("olga", { exact: true })).toHaveCount(
      1,
    );
  }
  await sendMessage(first, "from the first device");
  await expect(second.locator(".message-text", { hasText: "from the first device" })).toBeVisible();
  await (await openAccount(first)).getByRole("button", { name: "Sign out here" }).click();
  await expect(first.getByRole("textbox", { name: "Nickname" })).toBeVisible();
  await sendMessage(second, "still here");
  await expect(second.locator(".message-text", { hasText: "still here" })).toBeVisible();
  await signIn(first, TOKENS.olga);
  await (await openAccount(first)).getByRole("button", { name: "Sign out on all devices" }).click();
  await first.getByRole("dialog").getByRole("button", { name: "Sign out on all devices" }).click();
  await expect(second.getByRole("textbox", { name: "Nickname" })).toBeVisible();
  await closeAll(first, second);
});

test("an admin withdraws an invitation, mutes, lifts, and signs someone out", async ({ browser, portal }) => {
  const admin = await peoplePage(browser, portal.url);
  const [name, other] = [uniqueName("Bob"), uniqueName("Eve")];
  const void_ = await invite(admin, other);
  await admin.getByRole("button", { name: `Withdraw the invitation of ${other}` }).click();
  await expect(admin.getByText("No pending invitations.")).toBeVisible();
  const late = await device(browser, void_);
  await expect(late.getByRole("alert").filter({ hasText: "This link was used" })).toBeVisible();

  const bob = await device(browser, await invite(admin, name, "Member"));
  await expect(bob.locator(".account")).toContainText(name);
  const row = rowOf(admin, name);
  await expect(row).toContainText("Here now");
  await row.getByRole("button", { name: `Mute or ban ${name}` }).click();
  const dialog = admin.getByRole("dialog");
  await dialog.getByRole("textbox", { name: /Reason/ }).fill("flooding");
  await dialog.getByRole("button", { name: "Mute", exact: true }).click();
  await expect(row).toContainText("Muted until");
  await expect(bob.getByText(/You are muted until/)).toBeVisible();
  await admin.getByText("Restricted 1").click();
  await expect(admin.locator(".people-table tbody tr")).toHaveCount(1);
  await expectAccessible(admin);
  await row.getByRole("button", { name: `Mute or ban ${name}` }).click();
  await dialog.getByRole("button", { name: "Lift" }).click();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(admin.getByText("Restricted 0")).toBeVisible();
  await admin.getByText(/^All \d/).click();

  await row.getByRole("button", { name: `Sign out ${name}` }).click();
  await dialog.getByRole("button", { name: "Sign out" }).click();
  await expect(bob.getByRole("textbox", { name: "Nickname" })).toBeVisible();
  await expect(rowOf(admin, name)).toHaveCount(0);
  await closeAll(admin, late, bob);
});

test("an invitation in a browser that has a user asks before it replaces them", async ({
  browser,
  portal,
}) => {
  const admin = await peoplePage(browser, portal.url);
  const [guest, name] = [uniqueName("Gus"), uniqueName("Bob")];
  const page = await device(browser, portal.url);
  await joinChat(page, guest);
  const link = await invite(admin, name);
  await page.goto(link);
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText(`You are ${guest} in this browser`);
  await expectAccessible(page);
  await dialog.getByRole("button", { name: `Stay ${guest}` }).click();
  await expect(page.locator(".account")).toContainText(guest);
  await page.goto(link);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await expect(page.locator(".account")).toContainText(name);
  await closeAll(admin, page);
});

test("the people page works by keyboard, and shows others a plain list", async ({ browser, portal }) => {
  const admin = await peoplePage(browser, portal.url);
  const guest = await device(browser, portal.url);
  const name = uniqueName("Gus");
  await joinChat(guest, name);
  await guest.goto(`${portal.url}/#/people`);
  await expect(guest.getByText("You need the admin role to manage people.")).toBeVisible();
  await expect(guest.getByRole("main").getByRole("link", { name })).toBeVisible();
  await expectAccessible(guest);

  await expect(rowOf(admin, name)).toContainText("Nickname only");
  await admin.getByRole("searchbox", { name: "Find a person" }).focus();
  await admin.keyboard.type(name.slice(-5));
  await expect(admin.locator(".people-table tbody tr")).toHaveCount(1);
  await admin.getByRole("button", { name: "Invite" }).focus();
  await admin.keyboard.press("Enter");
  await expect(admin.getByRole("dialog").getByRole("textbox", { name: "Nickname" })).toBeFocused();
  await admin.keyboard.press("Escape");
  await expect(admin.getByRole("dialog")).toHaveCount(0);
  await expect(admin.getByRole("button", { name: "Invite" })).toBeFocused();
  await closeAll(admin, guest);
});

test("every screen of people is accessible and fits in the most difficult setting", async ({
  browser,
  portal,
}) => {
  const context = await browser.newContext(HARDEST_SETTING);
  const page = await context.newPage();
  const look = (screen: string) => expectGoodAppearance(page, `people-${screen}`);
  await page.goto(portal.url);
  await page.getByRole("button", { name: "У меня есть токен доступа" }).click();
  await page.getByRole("textbox", { name: "Токен доступа" }).fill(TOKENS.ada);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.goto(`${portal.url}/#/people`);
  await expect(page.getByRole("heading", { name: "Люди", exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Пригласить" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "Имя" }).fill(uniqueName("Константинопольский"));
  await look("invite");
  await dialog.getByRole("button", { name: "Создать ссылку" }).click();
  await expect(dialog.getByRole("textbox", { name: "Ссылка" })).toBeVisible();
  await look("link");
  await dialog.getByRole("button", { name: "Готово" }).click();
  await expect(page.getByRole("row").filter({ hasText: "Приглашение отправлено" })).toHaveCount(1);
  await look("list");
  await page.locator(".account").click();
  await expect(page.locator(".account-menu")).toContainText("Администратор");
  await look("account");
  await page.getByRole("button", { name: "Войти на другом устройстве" }).click();
  await expect(dialog.getByRole("img", { name: "QR-код ссылки" })).toBeVisible();
  await look("device");
  await context.close();
});
