import { type Browser, expect, type Page } from "@playwright/test";
import { expectAccessible, expectGoodAppearance, HARDEST_SETTING } from "./kit/accessibility";
import { confirmCreation, createdBy, rows } from "./kit/instance-lifecycle";
import { joinChat, openAccount, sendMessage, testsWithPortal, uniqueName } from "./kit/portal";
import { issueTokens } from "./kit/tokens";

const { tokens: TOKENS, setting } = issueTokens({ victor: "viewer", olga: "operator", ada: "admin" });

// The delay is long enough to see pending commands, even on a busy machine.
const test = testsWithPortal(["--ephemeral", "--access", "token", "--delay", "5"], {
  GATEWAY_TOKENS: setting,
  // Lets tests choose client addresses: the address of this machine can't be banned.
  GATEWAY_TRUSTED_PROXIES: "127.0.0.1",
});
// All tests share one portal.
test.describe.configure({ mode: "default" });

async function signIn(page: Page, token: string): Promise<void> {
  await page.getByRole("button", { name: "I have an access token" }).click();
  await page.getByRole("textbox", { name: "Access token" }).fill(token);
  await page.keyboard.press("Enter");
}

const open = async (browser: Browser, address?: string): Promise<Page> =>
  (await browser.newContext(address ? { extraHTTPHeaders: { "X-Forwarded-For": address } } : {})).newPage();

test("a viewer sees servers, an operator commands them, and a guest sees what is missing", async ({
  browser,
  portal,
}) => {
  const [guest, viewer, operator] = await Promise.all([open(browser), open(browser), open(browser)]);
  const create = (page: Page) => page.getByRole("button", { name: "Create server" });

  await guest.goto(portal.url);
  await joinChat(guest, uniqueName("Gus"));
  await sendMessage(guest, "hello from a guest");
  await guest.reload();
  await expect(guest.locator(".message-text")).toHaveText(["hello from a guest"]);
  await guest.getByRole("link", { name: "Servers" }).click();
  await expect(guest.getByText("You need the viewer role to see servers")).toBeVisible();
  await expect(create(guest)).toHaveCount(0);
  await expectAccessible(guest);
  await signIn(guest, "opsroom_of-nobody");
  await expect(guest.getByText("This token isn't valid.")).toBeVisible();
  await expectAccessible(guest);

  for (const page of [viewer, operator]) await page.goto(`${portal.url}/#/cloud`);
  await signIn(viewer, TOKENS.victor);
  await expect(viewer.getByText("View only. You need the operator role to make changes.")).toBeVisible();
  await expect(viewer.getByText("No servers yet")).toBeVisible();
  await signIn(operator, TOKENS.olga);
  const id = await createdBy(operator, () => confirmCreation(operator));
  const seen = viewer.getByRole("article", { name: id });
  await expect(seen.locator(".pending")).toContainText("olga");
  await expect(viewer.getByRole("button", { name: /Undo/ })).toHaveCount(0);
  await expect(operator.getByRole("button", { name: `Start ${id}` })).toBeVisible();
  await expect(seen).toBeVisible();
  await expect(seen.locator(".pending")).toHaveCount(0);
  await expect(viewer.getByRole("button", { name: /^(Start|Remove)/ })).toHaveCount(0);
  await expect(create(viewer)).toHaveCount(0);

  // The role belongs to the registration: a new tab needs no token, and the token isn't stored.
  const again = await operator.context().newPage();
  await again.goto(`${portal.url}/#/cloud`);
  await expect(create(again)).toBeVisible();
  const kept = await operator.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  expect(kept).not.toContain(TOKENS.olga);

  // Who lacks nothing isn't reminded of it.
  await expect(again.getByRole("region", { name: "Access" })).toHaveCount(0);
  await again.locator(".account").click();
  await again.getByRole("button", { name: "Sign out here" }).click();
  for (const page of [again, operator]) {
    await expect(page.getByRole("region", { name: "Access" })).toContainText("Not signed in.");
    await expect(rows(page)).toHaveCount(0);
  }
  await signIn(operator, TOKENS.olga);
  await expect(operator.locator(".account")).toContainText("olga");
  await expect(create(operator)).toBeVisible();
  await Promise.all([guest, viewer, operator].map(page => page.context().close()));
});

test("an admin removes a message, mutes and bans a user, and the user sees it", async ({
  browser,
  portal,
}) => {
  const [guest, admin] = await Promise.all([open(browser), open(browser)]);
  const name = uniqueName("Gus");
  await Promise.all([guest, admin].map(page => page.goto(portal.url)));
  await joinChat(guest, name);
  await sendMessage(guest, "something rude");
  await signIn(admin, TOKENS.ada);
  const rude = admin.locator(".message", { hasText: "something rude" });
  const moderate = (page: Page) => page.getByRole("button", { name: `Moderate ${name}` });
  const chooseModerate = async (page: Page) => {
    await rude.hover();
    await rude.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Moderate…" }).click();
  };
  const dialog = admin.getByRole("dialog");
  await expect(rude).toBeVisible();
  await expect(moderate(guest)).toHaveCount(0);

  await chooseModerate(admin);
  await expect(dialog).toContainText("something rude");
  await expectAccessible(admin);
  await dialog.getByRole("button", { name: "Remove" }).click();
  for (const page of [guest, admin]) {
    await expect(page.locator(".message-removed")).toBeVisible();
    await expect(page.getByText("something rude")).toHaveCount(0);
  }

  await moderate(admin).last().click();
  await dialog.getByRole("textbox", { name: "Reason (shown to the person)" }).fill("calm down");
  await dialog.getByRole("button", { name: "Mute" }).click();
  await expect(guest.getByText(/You are muted until .*calm down/)).toBeVisible();
  await expect(guest.getByRole("button", { name: "Send" })).toBeDisabled();
  await moderate(admin).last().click();
  await dialog.getByRole("button", { name: "Lift" }).click();
  await expect(guest.getByRole("button", { name: "Send" })).toBeEnabled();

  await dialog.getByRole("radio", { name: "Ban name" }).check();
  await dialog.getByRole("button", { name: "Ban" }).click();
  await expect(guest.getByText(/You are banned from this chat until/)).toBeVisible();
  await guest.keyboard.press("Enter");
  await expect(guest.getByText("You are banned from this chat.")).toBeVisible();
  await Promise.all([guest, admin].map(page => page.context().close()));
});

test("an admin bans a user's address, lists the restrictions, and lifts them", async ({
  browser,
  portal,
}) => {
  const [hal, admin] = await Promise.all([open(browser, "203.0.113.77"), open(browser)]);
  const name = uniqueName("Hal");
  await Promise.all([hal, admin].map(page => page.goto(portal.url)));
  await joinChat(hal, name);
  await sendMessage(hal, "buy, buy, buy");
  await expect(hal.getByRole("button", { name: "Mutes and bans" })).toHaveCount(0);
  await signIn(admin, TOKENS.ada);
  const dialog = admin.getByRole("dialog");
  const row = (whom: string) => dialog.getByRole("listitem").filter({ hasText: whom });

  await admin
    .getByRole("button", { name: `Moderate ${name}` })
    .last()
    .click();
  await dialog.getByRole("radio", { name: "Ban address" }).check();
  await expect(dialog.getByRole("combobox", { name: "Address" })).toHaveValue("203.0.113.77");
  await dialog.getByRole("textbox", { name: "Reason (shown to the person)" }).fill("spam");
  await expectAccessible(admin);
  await dialog.getByRole("button", { name: "Ban address" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(hal.getByText(/You are banned from this chat until/)).toBeVisible();

  await admin.getByRole("button", { name: "Mutes and bans" }).click();
  await expect(row("203.0.113.77")).toContainText(/Banned until .*spam.*by ada/s);
  await dialog.locator("summary").click();
  const typed = dialog.getByRole("textbox", { name: "Address to ban" });
  await typed.fill("not an address");
  await dialog.getByRole("button", { name: "Ban address" }).click();
  await expect(dialog.getByRole("alert")).toContainText("Enter an IP address");
  await typed.fill("2001:db8:7::1");
  // The page takes a click that follows another one within half a second for a part of that one.
  await expect(async () => {
    await dialog.getByRole("button", { name: "Ban address" }).click();
    await expect(row("2001:db8:7::/64")).toContainText("Banned until", { timeout: 5_000 });
  }).toPass();
  await expectAccessible(admin);
  for (const whom of ["2001:db8:7::/64", "203.0.113.77"]) {
    await expect(async () => {
      await dialog.getByRole("button", { name: `Lift: ${whom}` }).click();
      await expect(row(whom)).toHaveCount(0, { timeout: 5_000 });
    }).toPass();
  }
  await dialog.getByRole("button", { name: "Close" }).click();
  await hal.reload();
  await joinChat(hal, uniqueName("Hal"));
  await expect(hal.locator(".message-text", { hasText: "buy, buy, buy" })).toBeVisible();
  await Promise.all([hal, admin].map(page => page.context().close()));
});

test("every screen of mode token is accessible and fits in the most difficult setting", async ({
  browser,
  portal,
}) => {
  const context = await browser.newContext(HARDEST_SETTING);
  const page = await context.newPage();
  const look = (screen: string) => expectGoodAppearance(page, `token-${screen}`);
  await page.goto(portal.url);
  await expect(page.getByRole("button", { name: "У меня есть токен доступа" })).toBeVisible();
  await look("join");
  await page.getByRole("link", { name: "Только посмотреть серверы" }).click();
  await expect(page.getByText("Вы не вошли.")).toBeVisible();
  await look("cloud-nobody");
  await page.getByRole("button", { name: "У меня есть токен доступа" }).click();
  const field = page.getByRole("textbox", { name: "Токен доступа" });
  await field.fill("opsroom_of-nobody");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toContainText("Токен недействителен.");
  await look("dialog-refused");
  await field.fill(TOKENS.victor);
  await page.keyboard.press("Enter");
  await expect(page.getByText("Только просмотр")).toBeVisible();
  await expect(page.getByRole("heading", { name: "Серверы" })).toBeVisible();
  await look("cloud-viewer");
  await (await openAccount(page)).getByRole("button", { name: "Выйти на этом устройстве" }).click();
  await page.getByRole("link", { name: "Чат" }).click();
  await page.getByRole("textbox", { name: "Имя" }).fill(uniqueName("Гость"));
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Серверы", exact: true }).click();
  await look("cloud-guest");
  await page.getByRole("button", { name: "У меня есть токен доступа" }).click();
  await field.fill(TOKENS.ada);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("region", { name: "Доступ" })).toHaveCount(0);
  await page.getByRole("link", { name: "Чат" }).click();
  await look("chat-admin");
  await page.getByRole("link", { name: "Комнаты и люди" }).click();
  await look("people-admin");
  await page.getByRole("button", { name: "Запреты и блокировки" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.locator("summary").click();
  await dialog.getByRole("textbox", { name: "Адрес для блокировки" }).fill("203.0.113.200");
  await dialog.getByRole("textbox", { name: /Причина/ }).fill("реклама, снова и снова");
  await look("ban-address");
  await dialog.getByRole("button", { name: "Заблокировать адрес" }).click();
  await expect(dialog.getByRole("listitem")).toContainText(["203.0.113.200"]);
  await look("restrictions");
  await dialog.getByRole("button", { name: "Снять: 203.0.113.200" }).click();
  await context.close();
});
