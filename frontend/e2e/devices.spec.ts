import { expect } from "@playwright/test";
import { expectAccessible } from "./kit/accessibility";
import { joinChat, leaveChat, openAccount, sendMessage, test, uniqueName } from "./kit/portal";

test("in open mode a link carries the person to another device, once", async ({ page, browser, portal }) => {
  const name = uniqueName("Eve");
  await page.goto(portal.url);
  await joinChat(page, name);
  await sendMessage(page, "from the laptop");
  await (await openAccount(page)).getByRole("button", { name: "Use on another device" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("img", { name: "QR code of the link" })).toBeVisible();
  await expectAccessible(page);
  const link = await dialog.getByRole("textbox", { name: "Link" }).inputValue();
  await dialog.getByRole("button", { name: "Done" }).click();

  const phone = await (await browser.newContext()).newPage();
  await phone.goto(link);
  await expect(phone.locator(".account")).toContainText(name);
  await sendMessage(phone, "from the phone");
  // On both devices, both messages are the person's own.
  for (const one of [page, phone]) await expect(one.locator(".message.own")).toHaveCount(2);
  const people = page.getByRole("list", { name: "People" });
  await expect(people.getByText(name, { exact: true })).toHaveCount(1);

  const late = await (await browser.newContext()).newPage();
  await late.goto(link);
  await expect(late.getByRole("alert").filter({ hasText: "This link was used" })).toBeVisible();

  // With another device, signing out here needs no question, and the name stays.
  await (await openAccount(page)).getByRole("button", { name: "Sign out here" }).click();
  await page.getByRole("textbox", { name: "Nickname" }).fill(name);
  await page.keyboard.press("Enter");
  await expect(page.getByText("This nickname is already taken.")).toBeVisible();

  // The next owner of a name that was given up is another person.
  await leaveChat(phone);
  await page.getByRole("textbox", { name: "Nickname" }).fill(name);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await expect(page.locator(".message-text", { hasText: "from the phone" })).toBeVisible();
  await expect(page.locator(".message.own")).toHaveCount(0);
  await Promise.all([phone, late].map(one => one.context().close()));
});

test("on the only device, signing out says that there is no way back", async ({ page, portal }) => {
  const name = uniqueName("Eve");
  await page.goto(portal.url);
  await joinChat(page, name);
  await (await openAccount(page)).getByRole("button", { name: "Sign out here" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("you can't come back under this name");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(page.locator(".account")).toContainText(name);
  await (await openAccount(page)).getByRole("button", { name: "Sign out here" }).click();
  await dialog.getByRole("button", { name: "Sign out here" }).click();
  await expect(page.getByRole("textbox", { name: "Nickname" })).toBeVisible();
});
