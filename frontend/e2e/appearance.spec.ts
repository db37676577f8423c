import { expect } from "@playwright/test";
import { expectGoodAppearance } from "./kit/accessibility";
import { openAccount, openSettings, test } from "./kit/portal";

const LOOKS = [
  { name: "light-en", locale: "en-US", colorScheme: "light", width: 1180 },
  { name: "dark-ru", locale: "ru-RU", colorScheme: "dark", width: 1180 },
  { name: "narrow-en", locale: "en-US", colorScheme: "light", width: 360 },
] as const;

for (const { name, locale, colorScheme, width } of LOOKS) {
  test(`every screen is accessible and fits: ${name}`, async ({ browser, portal }) => {
    const viewport = { width, height: 760 };
    const context = await browser.newContext({
      locale,
      colorScheme,
      viewport,
      reducedMotion: "no-preference",
    });
    const page = await context.newPage();
    const isRussian = locale === "ru-RU";
    // The colors of the narrow screens are those of the wide ones.
    const look = (screen: string) =>
      expectGoodAppearance(page, `${name}-${screen}`, { contrast: width > 1000 });
    await page.goto(`${portal.url}/?demo`);
    await page.getByRole("dialog").waitFor();
    await expect(page.getByRole("dialog").getByRole("heading")).toHaveText(
      isRussian ? "Выберите имя" : "Choose a nickname",
    );
    await look("join");
    await page.locator(".join-field").fill("Marina");
    await page.keyboard.press("Enter");
    await page.locator(".message").first().waitFor();
    await page.locator(".composer textarea").fill("Listen this: https://youtu.be/xxxxxxx 😁");
    await page.keyboard.press("Enter");
    await page.locator(".message.own").waitFor();
    await look("chat");
    await page.locator(".nav a").nth(1).click();
    await page.locator(".create").click();
    await page.getByRole("dialog").waitFor();
    await look("create");
    await page.locator(".dialog [type=submit]").click();
    await page.locator(".server .pending").first().waitFor();
    await look("cloud");
    await page.locator(".server .server-check input").nth(2).check();
    await page.locator(".server [aria-haspopup]").nth(2).click();
    await page.locator(".menu").waitFor();
    await look("menu");
    await page.keyboard.press("Escape");
    await page.goto(`${portal.url}/?demo#/servers/web-1`);
    await page.locator(".log-line").first().waitFor();
    await page.locator(".chart").first().waitFor();
    await look("server");
    await page.locator(".panel-commands .danger:not([aria-disabled='true'])").click();
    await page.getByRole("dialog").waitFor();
    await look("remove");
    await page.keyboard.press("Escape");
    await openAccount(page);
    await look("account");
    await page.keyboard.press("Escape");
    await openSettings(page);
    await look("settings");
    await page.keyboard.press("Escape");
    await page.locator(".connection-state").click();
    await page.locator(".entry").first().waitFor();
    await look("status");
    await page.locator(".nav a").nth(2).click();
    await page.locator(".happening").first().waitFor();
    await look("activity");
    await page.keyboard.press("Control+k");
    await page.locator(".palette [role=option]").first().waitFor();
    await page.keyboard.type("a");
    await look("search");
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    await page.keyboard.press("?");
    await page.locator(".keys").waitFor();
    await look("shortcuts");
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    await page.goto(`${portal.url}/?demo#/rooms`);
    await page.locator(".person").first().waitFor();
    await look("people");
    await page.locator(".person a").first().click();
    await page.locator(".panel .happening").first().waitFor();
    await look("person");
    await context.close();
  });
}
