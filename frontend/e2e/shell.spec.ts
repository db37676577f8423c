import { expect, type Page } from "@playwright/test";
import { expectAccessible } from "./kit/accessibility";
import { create } from "./kit/instance-lifecycle";
import { joinChat, openAccount, sendAsNewUser, sendMessage, test, uniqueName } from "./kit/portal";

const hash = (page: Page) => expect.poll(() => new URL(page.url()).hash);

test("every place has an address, and back and forward lead there", async ({ page, portal }) => {
  const name = uniqueName("Ann");
  await page.goto(portal.url);
  await joinChat(page, name);
  await expect(page).toHaveTitle("#general · Opsroom");
  const sections = page.getByRole("navigation", { name: "Sections" });
  await sections.getByRole("link", { name: "Servers" }).click();
  await expect(page).toHaveTitle("Servers · Opsroom");
  await expect(page.locator("main")).toBeFocused();
  await sections.getByRole("link", { name: "Activity" }).click();
  await expect(page).toHaveTitle("Activity · Opsroom");
  await sections.getByRole("link", { name: "Chat" }).click();
  await hash(page).toBe("#/rooms/general");
  await page.getByRole("link", { name: `${name} You` }).click();
  await hash(page).toBe(`#/people/${name}`);
  await expect(page).toHaveTitle(`${name} · Opsroom`);
  await expect(page.getByRole("complementary", { name })).toContainText("Here now");
  await page.goBack();
  await expect(page.getByRole("complementary", { name })).toHaveCount(0);
  await page.goBack();
  await expect(page).toHaveTitle("Activity · Opsroom");
  await page.goBack();
  await expect(page.getByRole("heading", { name: "Servers", exact: true })).toBeVisible();
  await page.goForward();
  await expect(page.getByRole("heading", { name: "Activity" })).toBeVisible();

  // A link leads there at once, and the addresses of earlier releases still lead somewhere.
  await page.goto(`${portal.url}/#/servers/web-1`);
  await expect(page).toHaveTitle("web-1 · Servers · Opsroom");
  await page.goto(`${portal.url}/#/cloud`);
  await hash(page).toBe("#/servers");
  await page.goto(`${portal.url}/#/rooms/no-such-room`);
  await expect(page.getByText("There is no such room.")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("link", { name: "#general" }).click();
  await expect(page.getByRole("textbox", { name: "Type your message here" })).toBeVisible();
});

test("messages of one author are grouped, below a line for their day", async ({ page, portal }) => {
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  const mark = uniqueName("m");
  await sendMessage(page, `${mark} one`);
  await sendMessage(page, `${mark} two`);
  const [one, two] = ["one", "two"].map(text => page.locator(".message", { hasText: `${mark} ${text}` }));
  if (!one || !two) throw new Error("two messages");
  await expect(page.locator(".outgoing")).toHaveCount(0);
  await expect(one.locator(".message-author")).toHaveText("You");
  await expect(two.locator(".message-author")).toHaveCount(0);
  // Others may write in the same room meanwhile.
  await sendAsNewUser(page, [`${mark} three`, `${mark} four`]);
  const three = page.locator(".message", { hasText: `${mark} three` });
  await expect(three.locator(".avatar")).toBeVisible();
  await expect(one.locator(".avatar")).toHaveCount(0);
  await expect(page.locator(".message", { hasText: `${mark} four` }).locator("time")).toHaveAttribute(
    "title",
    /day, .* UTC/,
  );
  const sides = await Promise.all([one, three].map(row => row.locator(".message-text").boundingBox()));
  const room = await page.locator(".room").boundingBox();
  if (!sides[0] || !sides[1] || !room) throw new Error("no boxes");
  const right = (box: { x: number; width: number }) => box.x + box.width;
  expect(right(room) - right(sides[0])).toBeLessThan(sides[0].x - room.x);
  expect(right(room) - right(sides[1])).toBeGreaterThan(sides[1].x - room.x);

  // The demo's conversation is short enough for its first line.
  await page.goto(`${portal.url}/?demo`);
  await joinChat(page, "Marina");
  await expect(page.locator(".day-line").last()).toHaveText(/Today|Yesterday/);
});

test("a message that arrives elsewhere is counted on the badge, and is below a line", async ({
  page,
  portal,
}) => {
  const mark = uniqueName("m");
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  await sendMessage(page, `${mark} before`);
  await expect(page.locator(".outgoing")).toHaveCount(0);
  const chat = page.getByRole("navigation", { name: "Sections" }).getByRole("link", { name: "Chat" });
  await page.getByRole("link", { name: "Servers" }).click();
  await expect(page).toHaveTitle(/Servers/);
  await sendAsNewUser(page, [`${mark} news`, `${mark} more`]);
  // Other tests may write to the same room.
  await expect(chat.locator(".badge")).toHaveText(/^([2-9]|\d\d)/);
  await chat.click();
  await expect(chat.locator(".badge")).toHaveCount(0);
  await expect(page.locator(".new-line")).toHaveCount(1);
  const isAbove = (text: string) =>
    page.evaluate(text => {
      const line = document.querySelector(".new-line")?.getBoundingClientRect().top ?? 0;
      const row = [...document.querySelectorAll(".message-text")].find(one =>
        one.textContent?.includes(text),
      );
      return line > (row?.getBoundingClientRect().top ?? 0);
    }, text);
  expect(await isAbove(`${mark} before`)).toBe(true);
  expect(await isAbove(`${mark} news`)).toBe(false);
  // A user who answers has read it.
  await sendMessage(page, `${mark} thanks`);
  await expect(page.locator(".new-line")).toHaveCount(0);

  // Also after the page was closed.
  await page.goto("about:blank");
  const other = await page.context().newPage();
  await other.goto(`${portal.url}/docs/`);
  await sendAsNewUser(other, [`${mark} overnight`]);
  await other.close();
  await page.goto(portal.url);
  await expect(page.locator(".new-line")).toHaveCount(1);
  expect(await isAbove(`${mark} thanks`)).toBe(true);
  expect(await isAbove(`${mark} overnight`)).toBe(false);
});

test("the search finds places, people and servers with the keyboard", async ({ page, portal }) => {
  const name = uniqueName("Ann");
  await page.goto(portal.url);
  await joinChat(page, name);
  const dialog = page.getByRole("dialog", { name: "Search" });
  const field = dialog.getByRole("combobox");
  await page.keyboard.press("Control+k");
  await expect(field).toBeFocused();
  await expectAccessible(page);
  await page.keyboard.type("serv");
  await page.keyboard.press("Enter");
  await expect(dialog).toHaveCount(0);
  await hash(page).toBe("#/servers");
  const server = await create(page);

  await page.keyboard.press("Control+k");
  await page.keyboard.type(name.toUpperCase());
  await expect(dialog.getByRole("option", { selected: true })).toContainText(name);
  await page.keyboard.press("Enter");
  await hash(page).toBe(`#/people/${name}`);
  await page.keyboard.press("Control+k");
  await expect(field).toBeFocused();
  await page.keyboard.type(server);
  await expect(dialog.getByRole("option", { name: server, exact: false }).first()).toBeVisible();
  await page.keyboard.press("ArrowUp");
  await expect(dialog.getByRole("option", { selected: true })).toContainText("Search activity");
  await page.keyboard.press("Enter");
  await hash(page).toBe(`#/activity?q=${server}`);
  await page.getByRole("button", { name: "Search messages, servers, people" }).click();
  await expect(field).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
});

test("keys lead to the sections and list themselves, but not while one writes", async ({ page, portal }) => {
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  const composer = page.getByRole("textbox", { name: "Type your message here" });
  await expect(composer).toBeFocused();
  await page.keyboard.type("gs?");
  await expect(composer).toHaveValue("gs?");
  await composer.fill("");
  await page.locator(".pane-head h1").click();
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await hash(page).toBe("#/servers");
  // Keys are where they are on any layout.
  await page.keyboard.press("g");
  await page.evaluate(() =>
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "ф", code: "KeyA", bubbles: true })),
  );
  await hash(page).toBe("#/activity");
  await page.keyboard.press("?");
  const dialog = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await expect(dialog).toContainText("Go to the servers");
  await page.keyboard.press("g");
  await page.keyboard.press("c");
  await hash(page).toBe("#/activity");
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
});

test("the account menu has the name, the theme, the language, and the way out", async ({ page, portal }) => {
  const name = uniqueName("Ann");
  await page.goto(portal.url);
  await joinChat(page, name);
  const menu = await openAccount(page);
  await expect(menu).toContainText(name);
  await expectAccessible(page);
  await menu.getByText("Dark").click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect(page.locator("html")).toHaveCSS("color-scheme", "dark");
  await menu.getByRole("button", { name: "По-русски" }).click();
  await expect(page.getByRole("link", { name: "Серверы" })).toBeVisible();
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("lang", "ru");
  await expect(page.getByRole("link", { name: "Серверы" })).toBeVisible();
  await (await openAccount(page)).getByRole("button", { name: "In English" }).click();
  await page.getByRole("button", { name: "Give up the nickname" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Give up the nickname" }).click();
  await expect(page.getByRole("textbox", { name: "Nickname" })).toBeVisible();
});

test.describe("on a phone", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test("there is one pane at a time, and the sections are at the bottom", async ({ page, portal }) => {
    const name = uniqueName("Ann");
    await page.goto(portal.url);
    await joinChat(page, name);
    const [list, room] = [page.getByRole("complementary", { name: "People" }), page.locator(".room")];
    await expect(room).toBeVisible();
    await expect(list).toBeHidden();
    await page.getByRole("link", { name: "Rooms and people" }).tap();
    await expect(list).toBeVisible();
    await expect(room).toBeHidden();
    await page.getByRole("link", { name: `${name} You` }).tap();
    await expect(page.getByRole("complementary", { name, exact: true })).toBeVisible();
    await expect(list).toBeHidden();
    await page.getByRole("link", { name: "Close" }).tap();
    await expect(room).toBeVisible();
    const nav = await page.getByRole("navigation", { name: "Sections" }).boundingBox();
    expect(Math.round((nav?.y ?? 0) + (nav?.height ?? 0))).toBe(844);
    const composer = await page.locator(".composer").boundingBox();
    expect((composer?.y ?? 0) + (composer?.height ?? 0)).toBeLessThanOrEqual(nav?.y ?? 0);
    await page.getByRole("link", { name: "Activity" }).tap();
    await expect(page.getByRole("heading", { name: "Activity" })).toBeVisible();
  });
});
