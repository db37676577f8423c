import { expect } from "@playwright/test";
import { expectAccessible, expectFits, HARDEST_SETTING } from "./kit/accessibility";
import { joinChat, openAccount, test, uniqueName } from "./kit/portal";

test("settings of notifications apply on all devices of a person", async ({ page, browser, portal }) => {
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  await (await openAccount(page)).getByRole("button", { name: "Use on another device" }).click();
  const link = await page.getByRole("textbox", { name: "Link" }).inputValue();
  await page.getByRole("button", { name: "Done" }).click();
  const phone = await (await browser.newContext()).newPage();
  await phone.goto(link);

  await (await openAccount(page)).getByRole("button", { name: "Notifications" }).click();
  const dialog = page.getByRole("dialog", { name: "Notifications" });
  const level = dialog.getByRole("combobox", { name: "Notify me of" });
  await expect(level).toHaveValue("mentions");
  await level.selectOption("All messages");
  await dialog.getByRole("checkbox", { name: "Do not disturb" }).click();
  await dialog.getByLabel("From", { exact: true }).fill("23:15");
  await expect(dialog).toContainText("Time zone: UTC");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Close" }).click();

  await (await openAccount(phone)).getByRole("button", { name: "Notifications" }).click();
  const other = phone.getByRole("dialog", { name: "Notifications" });
  await expect(other.getByRole("combobox", { name: "Notify me of" })).toHaveValue("all");
  await expect(other.getByLabel("From", { exact: true })).toHaveValue("23:15");
  await other.getByRole("button", { name: "Close" }).click();

  await page.goto(`${portal.url}/#/rooms/general?details`);
  const room = page.getByRole("combobox", { name: "Notifications" });
  await expect(room).toHaveValue("usual");
  await room.selectOption("Nothing");
  await phone.goto(`${portal.url}/#/rooms/general?details`);
  await expect(phone.getByRole("combobox", { name: "Notifications" })).toHaveValue("nothing");
  await expectAccessible(page);
  await phone.context().close();
});

test("the dialog fits a narrow screen, in Russian and dark colors", async ({ browser, portal }) => {
  const page = await (await browser.newContext(HARDEST_SETTING)).newPage();
  await page.goto(portal.url);
  await page.locator(".join-field").fill(uniqueName("Ann"));
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await (await openAccount(page)).getByRole("button", { name: "Уведомления" }).click();
  await page.getByRole("checkbox", { name: "Не беспокоить" }).click();
  await expect(page.getByLabel("До", { exact: true })).toHaveValue("07:00");
  await expectAccessible(page);
  await expectFits(page, "notifications-narrow");
  await page.context().close();
});
