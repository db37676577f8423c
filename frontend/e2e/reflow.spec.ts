import { expect, type Locator, type Page } from "@playwright/test";
import { expectFits, expectGoodAppearance } from "./kit/accessibility";
import { confirmCreation, group, rows, serveInstances } from "./kit/instance-lifecycle";
import { joinChat, sendAsNewUser, sendMessage, test, uniqueName } from "./kit/portal";

/** Windows that are short: zoom makes a window of 1280 × 1024 at 400 % as small as the first. */
const SHORT = [
  { name: "400 %", width: 320, height: 256 },
  { name: "200 % of 1440 × 900", width: 720, height: 450 },
  { name: "phone held sideways", width: 667, height: 375 },
  { name: "small phone held sideways", width: 568, height: 320 },
] as const;

/** The height of what is visible of an element, after it was scrolled into view. */
async function visibleHeight(element: Locator): Promise<number> {
  await element.scrollIntoViewIfNeeded();
  return element.evaluate(one => {
    const { top, bottom } = one.getBoundingClientRect();
    return Math.min(bottom, innerHeight) - Math.max(top, 0);
  });
}

const SHORT_IN_EACH_LANGUAGE = SHORT.flatMap(size =>
  (["en-US", "ru-RU"] as const).map(locale => ({ ...size, locale })),
);

for (const { name, width, height, locale } of SHORT_IN_EACH_LANGUAGE) {
  test(`chat and servers can be used in a short window: ${name}, ${locale}`, async ({ browser, portal }) => {
    // In the smallest window, which has the least space, the screens are checked with axe, too.
    const look = (page: Page, screen: string) =>
      height < 300 ? expectGoodAppearance(page, screen, { contrast: false }) : expectFits(page, screen);
    const viewport = { width, height };
    const context = await browser.newContext({ locale, viewport, reducedMotion: "reduce" });
    const page = await context.newPage();
    await page.goto(portal.url);
    await page.locator(".join-field").fill(uniqueName("Ann"));
    await page.keyboard.press("Enter");
    const composer = page.locator(".composer");
    await expect(composer.locator("textarea")).toBeFocused();
    await expect(composer).toBeInViewport({ ratio: 1 });
    await composer.locator("textarea").fill("one\ntwo\nthree");
    await page.keyboard.press("Enter");
    // Other tests may write to the same room meanwhile: the list stays at its end.
    await expect(page.locator(".message.own")).not.toHaveCount(0);
    await expect(page.locator(".room .message").last()).toBeInViewport();
    expect(await visibleHeight(page.locator(".room .virtual-list-scroll"))).toBeGreaterThanOrEqual(80);
    await look(page, `short-${width}-${locale}-chat`);

    await page.locator(".nav a").nth(1).click();
    const create = page.locator(".create");
    await create.scrollIntoViewIfNeeded();
    await expect(create).toBeInViewport({ ratio: 1 });
    await confirmCreation(page);
    await expect(page.locator(".server .pending").first()).toBeVisible();
    const name = (await rows(page).first().getAttribute("aria-label")) ?? "";
    expect(await visibleHeight(page.locator(".servers .virtual-list-scroll"))).toBeGreaterThanOrEqual(120);
    await look(page, `short-${width}-${locale}-servers`);
    await page.locator(".to-worklog").click();
    await page.locator(".log-entry").first().waitFor();
    expect(await visibleHeight(page.locator(".worklog .virtual-list-scroll"))).toBeGreaterThanOrEqual(120);
    await look(page, `short-${width}-${locale}-worklog`);
    await page.goto(`${portal.url}/#/servers/${name}`);
    await page.locator(".facts").waitFor();
    await page.locator(".panel-commands").scrollIntoViewIfNeeded();
    await expect(page.locator(".panel-commands")).toBeInViewport();
    await look(page, `short-${width}-${locale}-server`);
    await page.locator(".panel-commands .danger").click();
    await expect(page.locator(".dialog .danger")).toBeInViewport({ ratio: 1 });
    await look(page, `short-${width}-${locale}-remove`);
    await context.close();
  });
}

test("a composer that grows and shrinks leaves the conversation at its end", async ({ page, portal }) => {
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  await sendAsNewUser(
    page,
    Array.from({ length: 25 }, (_, n) => `filler ${n}`),
  );
  await expect(page.locator(".message", { hasText: "filler 24" })).toBeInViewport();
  const field = page.getByRole("textbox", { name: "Type your message here" });
  await field.pressSequentially("1");
  for (const line of ["2", "3", "4"]) {
    await page.keyboard.press("Shift+Enter");
    await field.pressSequentially(line);
  }
  await expect(page.locator(".message", { hasText: "filler 24" })).toBeInViewport({ ratio: 1 });
  await page.keyboard.press("Enter");
  await expect(page.locator(".message.own", { hasText: "4" })).toBeInViewport({ ratio: 1 });
});

test("a list that becomes smaller before its last scroll event stays at its end", async ({
  page,
  portal,
}) => {
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  await sendAsNewUser(
    page,
    Array.from({ length: 25 }, (_, n) => `filler ${n}`),
  );
  await expect(page.locator(".message", { hasText: "filler 24" })).toBeInViewport();
  await page.locator(".room .virtual-list-scroll").evaluate(list => {
    const field = document.querySelector<HTMLElement>(".composer textarea");
    if (field) field.style.minHeight = "90px";
    list.dispatchEvent(new Event("scroll"));
  });
  await expect(page.locator(".message", { hasText: "filler 24" })).toBeInViewport({ ratio: 1 });
});

const countDrawn = (page: Page): Promise<number> => rows(page).count();

for (const width of [1180, 860, 390, 320]) {
  test(`500 servers are a bounded list in which few rows are drawn, ${width} px wide`, async ({
    page,
    portal,
  }) => {
    await page.setViewportSize({ width, height: 800 });
    await serveInstances(page, 500);
    await page.goto(portal.url);
    await joinChat(page, uniqueName("Olga"));
    await page.goto(`${portal.url}/#/cloud`);
    // Other tests may create servers at the same portal meanwhile.
    await expect(group(page, "stopped")).toContainText(/5\d\d/);
    await expect(rows(page).first()).toBeVisible();
    expect(await countDrawn(page)).toBeLessThan(60);
    const create = page.getByRole("button", { name: "Create server" });
    await expect(create).toBeInViewport({ ratio: 1 });
    const worklog = page.getByRole("region", { name: "Worklog" });
    // Where there is no room for both, a link leads from one to the other.
    if (width <= 860) {
      await page.getByRole("link", { name: "Worklog", exact: true }).click();
      await expect(worklog).toBeInViewport();
      await expect(create).toBeHidden();
      await worklog.getByRole("link", { name: "Servers" }).click();
      await expect(create).toBeInViewport({ ratio: 1 });
    } else await expect(worklog).toBeInViewport();
    await page
      .locator(".widget")
      .first()
      .locator(".virtual-list-scroll")
      .evaluate(box => box.scrollTo(0, box.scrollHeight));
    await expect(page.getByRole("article", { name: "server-00000000" })).toBeVisible();
    expect(await countDrawn(page)).toBeLessThan(60);
  });
}

test.describe("on a touch screen", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test("Enter breaks the line, and the button sends", async ({ page, portal }) => {
    await page.goto(portal.url);
    await joinChat(page, uniqueName("Ann"));
    const field = page.getByRole("textbox", { name: "Type your message here" });
    await expect(field).toHaveAttribute("enterkeyhint", "enter");
    await field.pressSequentially("one");
    await page.keyboard.press("Enter");
    await field.pressSequentially("two");
    await expect(field).toHaveValue("one\ntwo");
    await page.getByRole("button", { name: "Send" }).tap();
    await expect(page.locator(".message.own .message-text").last()).toHaveText("one\ntwo");
    await field.fill("by keyboard");
    await page.keyboard.press("Control+Enter");
    await expect(page.locator(".message.own .message-text").last()).toHaveText("by keyboard");
  });

  test("fields have 16 px, and targets are 44 px high", async ({ page, portal }) => {
    /** What is smaller than it should be: fields by their font, controls by their height. */
    const small = () =>
      page.evaluate(() => {
        const shown = (one: Element) => one.checkVisibility() && one.getBoundingClientRect().height > 1;
        const name = (one: Element) =>
          `${one.className} ${one.getAttribute("aria-label") ?? one.textContent}`;
        const fields = [
          ...document.querySelectorAll("input:not([type=radio], [type=checkbox]), select, textarea"),
        ].filter(one => shown(one) && Number.parseFloat(getComputedStyle(one).fontSize) < 16);
        // Links in a sentence, and names of servers in a text, are as high as the text.
        const targets = [
          ...document.querySelectorAll(
            "button, a:not(.message-text a, .happening a, .server-link), select, label.check, .account-theme label, [role=option]",
          ),
        ].filter(one => shown(one) && one.getBoundingClientRect().height < 44);
        return [...fields, ...targets].map(name);
      });
    await page.goto(`${portal.url}/?demo`);
    await page.getByRole("dialog").waitFor();
    expect(await small()).toEqual([]);
    await page.locator(".join-field").fill("Marina");
    await page.keyboard.press("Enter");
    await page.locator(".message").first().waitFor();
    expect(await small()).toEqual([]);
    await page.locator(".emoji-button").tap();
    await page.locator(".emoji-panel").waitFor();
    expect(await small()).toEqual([]);
    await page.keyboard.press("Escape");
    await page.locator(".nav a").nth(1).tap();
    await page.locator(".create").tap();
    await page.getByRole("dialog").waitFor();
    expect(await small()).toEqual([]);
    await page.locator(".dialog [type=submit]").tap();
    await page.locator(".server .pending").first().waitFor();
    expect(await small()).toEqual([]);
    await page.locator(".server .server-check input").nth(2).check();
    await page.locator(".bulk").waitFor();
    expect(await small()).toEqual([]);
    await page.locator(".server [aria-haspopup]").nth(2).tap();
    await page.locator(".menu").waitFor();
    expect(await small()).toEqual([]);
    await page.keyboard.press("Escape");
    await page.locator(".to-worklog").tap();
    await page.locator(".log-entry").first().waitFor();
    await page.getByRole("combobox", { name: "Time" }).selectOption("days");
    await page.getByLabel("From").waitFor();
    expect(await small()).toEqual([]);
    await page.goto(`${portal.url}/?demo#/servers/web-1`);
    await page.locator(".log-line").first().waitFor();
    expect(await small()).toEqual([]);
    await page.locator(".fact-labels button").tap();
    await page.getByRole("dialog").waitFor();
    expect(await small()).toEqual([]);
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    await page.locator(".account").tap();
    await page.locator(".menu-item").nth(1).waitFor();
    expect(await small()).toEqual([]);
    await page.locator(".menu-item").nth(1).tap();
    await page.getByRole("dialog").waitFor();
    expect(await small()).toEqual([]);
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    await page.locator(".connection-state").tap();
    await page.locator(".entry").first().waitFor();
    expect(await small()).toEqual([]);
    await page.locator(".nav a").nth(2).tap();
    await page.locator(".happening").first().waitFor();
    expect(await small()).toEqual([]);
    await page.locator(".search").tap();
    await page.locator(".palette [role=option]").first().waitFor();
    expect(await small()).toEqual([]);
    await page.keyboard.press("Escape");
    await page.locator(".nav a").first().tap();
    await page.locator(".back").tap();
    await page.locator(".person").first().waitFor();
    expect(await small()).toEqual([]);
    await page.locator(".person a").first().tap();
    await page.locator(".panel .happening").first().waitFor();
    expect(await small()).toEqual([]);
  });
});

test("the language can be changed before joining, and the title says where one is", async ({
  page,
  portal,
}) => {
  await page.goto(portal.url);
  await expect(page).toHaveTitle("#general · Opsroom");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "RU: переключить на русский" }).click();
  await expect(dialog.getByRole("heading")).toHaveText("Выберите имя");
  await expect(page.getByRole("link", { name: "Чат", includeHidden: true })).toHaveCount(1);
  await dialog.getByRole("button", { name: "EN: switch to English" }).click();
  const name = uniqueName("Ann");
  await joinChat(page, name);
  await page.getByRole("link", { name: "Servers" }).click();
  await expect(page).toHaveTitle("Servers · Opsroom");
  await sendAsNewUser(page, ["one", "two"]);
  await expect(page).toHaveTitle("(2) Servers · Opsroom");
  await page.getByRole("link", { name: "Chat" }).click();
  await expect(page).toHaveTitle("#general · Opsroom");
  await sendMessage(page, "seen");
  const time = page.locator(".message.own time");
  await expect(time).toHaveAttribute("title", /^\w+day, \w+ \d+, \d{4} at \d\d:\d\d:\d\d UTC\+00:00$/);
});
