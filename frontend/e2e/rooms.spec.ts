import { type Browser, type BrowserContextOptions, expect, type Locator, type Page } from "@playwright/test";
import { expectAccessible, expectFits, HARDEST_SETTING, saveScreen } from "./kit/accessibility";
import { expectFocused, joinChat, sendMessage, test, uniqueName } from "./kit/portal";

interface Person {
  readonly page: Page;
  readonly name: string;
}

/** A person with a browser, in English. */
async function person(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Person> {
  const page = await (await browser.newContext(options)).newPage();
  const name = uniqueName("Rita");
  await page.goto(url);
  await joinChat(page, name);
  await expect(page.locator(".connection")).toContainText("Live");
  return { page, name };
}

const closeAll = (...people: readonly Person[]) =>
  Promise.all(people.map(({ page }) => page.context().close()));

const rooms = (page: Page): Locator => page.getByRole("navigation", { name: "Rooms" });
const directs = (page: Page): Locator => page.getByRole("navigation", { name: "Direct messages" });
const dialogOf = (page: Page): Locator => page.getByRole("dialog");
const message = (page: Page, text: string): Locator => page.locator(".message-text", { hasText: text });

async function createRoom(
  page: Page,
  name: string,
  { description = "", isPrivate = false } = {},
): Promise<void> {
  await page.getByRole("button", { name: "New room" }).click();
  await dialogOf(page).getByRole("textbox", { name: "Name" }).fill(name);
  await dialogOf(page).getByRole("textbox", { name: "Description" }).fill(description);
  if (isPrivate) await dialogOf(page).getByRole("checkbox").check();
  await dialogOf(page).getByRole("button", { name: "Create" }).click();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
}

async function choose(page: Page, name: string): Promise<void> {
  await dialogOf(page).getByRole("searchbox", { name: "Find a person" }).fill(name);
  await dialogOf(page).getByRole("checkbox", { name }).check();
}

test("a private room is its members' alone, who are invited, talk and leave", async ({ browser, portal }) => {
  const [ann, bob, eve] = [
    await person(browser, portal.url),
    await person(browser, portal.url),
    await person(browser, portal.url),
  ];
  const name = uniqueName("Salaries");
  await createRoom(ann.page, name, { description: "Who earns what", isPrivate: true });
  const address = ann.page.url();
  await expect(ann.page.getByRole("region", { name: `Room ${name}` })).toBeVisible();
  await expect(ann.page.locator(".pane-head").first()).toContainText("1 member");
  await expect(ann.page.locator(".pane-head").first()).toContainText("Who earns what");
  await sendMessage(ann.page, "before the invitation");

  await ann.page.getByRole("link", { name: "Members and settings" }).click();
  await ann.page.getByRole("button", { name: "Invite" }).click();
  await choose(ann.page, bob.name);
  await expectAccessible(ann.page);
  await saveScreen(ann.page, "room-invite");
  await dialogOf(ann.page).getByRole("button", { name: "Invite" }).click();
  await expect(ann.page.getByRole("list", { name: "Members" }).getByRole("listitem")).toHaveCount(2);
  await expectAccessible(ann.page);
  await saveScreen(ann.page, "room-details");

  await rooms(bob.page).getByRole("link", { name }).click();
  await expect(message(bob.page, "before the invitation")).toBeVisible();
  await sendMessage(bob.page, "from a member");
  await expect(message(ann.page, "from a member")).toBeVisible();
  await sendMessage(ann.page, "to all members");
  await expect(message(bob.page, "to all members")).toBeVisible();

  // Somebody else sees nothing of it, by the list or by the address.
  await expect(rooms(eve.page).getByRole("link", { name })).toHaveCount(0);
  await eve.page.goto(address);
  await expect(eve.page.getByRole("heading", { name: "There is no such room." })).toBeVisible();
  await expect(eve.page.locator(".message-text")).toHaveCount(0);
  await expectAccessible(eve.page);

  await bob.page.getByRole("link", { name: "Members and settings" }).click();
  await expect(bob.page.getByRole("button", { name: "Edit" })).toHaveCount(0);
  await bob.page.getByRole("button", { name: "Leave" }).click();
  await expect(dialogOf(bob.page)).toContainText("you need an invitation");
  await dialogOf(bob.page).getByRole("button", { name: "Leave" }).click();
  await expect(bob.page).toHaveURL(`${portal.url}/#/rooms/general`);
  await expect(rooms(bob.page).getByRole("link", { name })).toHaveCount(0);
  await sendMessage(ann.page, "after he left");
  await bob.page.goto(address);
  await expect(bob.page.getByRole("heading", { name: "There is no such room." })).toBeVisible();
  await closeAll(ann, bob, eve);
});

test("a public room is found, joined, renamed and archived", async ({ browser, portal }) => {
  const [ann, bob] = [await person(browser, portal.url), await person(browser, portal.url)];
  const [name, renamed] = [uniqueName("Deploys"), uniqueName("Releases")];
  await createRoom(ann.page, name);
  await ann.page.getByRole("button", { name: "New room" }).click();
  await dialogOf(ann.page).getByRole("textbox", { name: "Name" }).fill(name.toUpperCase());
  await dialogOf(ann.page).getByRole("button", { name: "Create" }).click();
  const field = dialogOf(ann.page).getByRole("textbox", { name: "Name" });
  await expect(field).toHaveAccessibleDescription("There is already a room with this name.");
  await expectFocused(field);
  await saveScreen(ann.page, "room-new");
  await dialogOf(ann.page).getByRole("button", { name: "Cancel" }).click();

  await bob.page.getByRole("button", { name: "Browse rooms" }).click();
  await dialogOf(bob.page).getByRole("searchbox", { name: "Find a room" }).fill(name);
  await expectAccessible(bob.page);
  await saveScreen(bob.page, "room-browse");
  await dialogOf(bob.page)
    .getByRole("button", { name: `Join ${name}` })
    .click();
  await expect(bob.page.getByRole("heading", { level: 1, name: `#${name}` })).toBeVisible();
  await expect(bob.page).toHaveTitle(`#${name} · Opsroom`);
  await sendMessage(bob.page, "hello, deploys");
  await expect(message(ann.page, "hello, deploys")).toBeVisible();

  await ann.page.getByRole("link", { name: "Members and settings" }).click();
  await ann.page.getByRole("button", { name: "Edit" }).click();
  await dialogOf(ann.page).getByRole("textbox", { name: "Name" }).fill(renamed);
  await dialogOf(ann.page).getByRole("button", { name: "Save" }).click();
  await expect(rooms(bob.page).getByRole("link", { name: renamed })).toBeVisible();
  await ann.page.getByRole("button", { name: "Archive" }).click();
  await expect(bob.page.locator(".room")).toContainText("This room is archived");
  await expect(bob.page.getByRole("textbox", { name: "Type your message here" })).toHaveCount(0);
  await ann.page.getByRole("button", { name: "Restore" }).click();
  await expect(bob.page.getByRole("textbox", { name: "Type your message here" })).toBeVisible();
  await closeAll(ann, bob);
});

test("direct messages are counted until they are read, and drafts stay in their rooms", async ({
  browser,
  portal,
}) => {
  const [ann, bob] = [await person(browser, portal.url), await person(browser, portal.url)];
  await ann.page.getByRole("button", { name: "New direct message" }).click();
  await choose(ann.page, bob.name);
  await expectAccessible(ann.page);
  await dialogOf(ann.page).getByRole("button", { name: "Start" }).click();
  await expect(ann.page.getByRole("heading", { level: 1, name: bob.name })).toBeVisible();
  await expect(ann.page).toHaveTitle(`${bob.name} · Opsroom`);
  await sendMessage(ann.page, "psst");
  await sendMessage(ann.page, "are you there?");

  const link = directs(bob.page).getByRole("link", { name: ann.name });
  await expect(link).toContainText("2 new messages");
  await expect(bob.page).toHaveTitle("(2) #general · Opsroom");
  await expectAccessible(bob.page);
  await saveScreen(bob.page, "room-unread");
  const field = bob.page.getByRole("textbox", { name: "Type your message here" });
  await field.fill("a draft for all");
  await link.click();
  await expect(message(bob.page, "are you there?")).toBeVisible();
  await expect(bob.page.locator(".new-line")).toBeVisible();
  await expect(link).not.toContainText("new message");
  await expect(field).toHaveValue("");
  await field.fill("a draft for her");
  await bob.page.goBack();
  await expect(field).toHaveValue("a draft for all");
  await bob.page.goForward();
  await expect(field).toHaveValue("a draft for her");
  await sendMessage(bob.page, "yes");
  await expect(message(ann.page, "yes")).toBeVisible();

  // After a reload, the address shows the room, and what was read stays so.
  await bob.page.reload();
  await expect(message(bob.page, "are you there?")).toBeVisible();
  await expect(bob.page.locator(".new-line")).toHaveCount(0);
  await expect(bob.page).toHaveTitle(`${ann.name} · Opsroom`);
  await closeAll(ann, bob);
});

test("what is read on one device is read on the others", async ({ browser, portal }) => {
  const [ann, bob] = [await person(browser, portal.url), await person(browser, portal.url)];
  const storageState = await bob.page.context().storageState();
  const other = await (await browser.newContext({ storageState })).newPage();
  await other.goto(portal.url);
  await expect(other.locator(".connection")).toContainText("Live");
  await ann.page.getByRole("button", { name: "New direct message" }).click();
  await choose(ann.page, bob.name);
  await dialogOf(ann.page).getByRole("button", { name: "Start" }).click();
  await expect(ann.page.getByRole("heading", { level: 1, name: bob.name })).toBeVisible();
  await sendMessage(ann.page, "one");
  await sendMessage(ann.page, "two");
  const linkIn = (page: Page) => directs(page).getByRole("link", { name: ann.name });
  for (const page of [bob.page, other]) await expect(linkIn(page)).toContainText("2 new messages");
  // A device that comes later knows the count from the server.
  const third = await (await browser.newContext({ storageState })).newPage();
  await third.goto(portal.url);
  await expect(linkIn(third)).toContainText("2 new messages");
  await linkIn(bob.page).click();
  await expect(message(bob.page, "two")).toBeVisible();
  for (const page of [other, third]) await expect(linkIn(page)).not.toContainText("new message");
  await sendMessage(ann.page, "three");
  for (const page of [other, third]) await expect(linkIn(page)).not.toContainText("3 new");
  await expect(message(bob.page, "three")).toBeVisible();
  await closeAll(ann, bob, { page: other, name: "" }, { page: third, name: "" });
});

test("what was missed in several rooms arrives when the connection is back", async ({ browser, portal }) => {
  const [ann, bob] = [await person(browser, portal.url), await person(browser, portal.url)];
  const name = uniqueName("Incidents");
  await createRoom(ann.page, name);
  await bob.page.goto(ann.page.url());
  await bob.page.getByRole("button", { name: "Join" }).click();
  await sendMessage(bob.page, "here I am");
  await expect(message(ann.page, "here I am")).toBeVisible();
  await bob.page.context().setOffline(true);
  await expect(bob.page.locator(".connection")).toContainText("Offline");
  await sendMessage(ann.page, "while you were away");
  await ann.page.goto(`${portal.url}/#/rooms/general`);
  const aside = uniqueName("for everybody");
  await sendMessage(ann.page, aside);
  await bob.page.context().setOffline(false);
  await expect(message(bob.page, "while you were away")).toHaveCount(1);
  await expect(rooms(bob.page).getByRole("link", { name: "general" })).toContainText("new message");
  await rooms(bob.page).getByRole("link", { name: "general" }).click();
  await expect(message(bob.page, aside)).toHaveCount(1);
  await closeAll(ann, bob);
});

test("on a phone in Russian and dark, rooms are a list, and each is a pane", async ({ browser, portal }) => {
  const ann = await person(browser, portal.url);
  const name = uniqueName("Дежурные");
  await createRoom(ann.page, name, { description: "Кто сегодня дежурит" });
  const page = await (await browser.newContext(HARDEST_SETTING)).newPage();
  await page.goto(portal.url);
  await page.getByRole("textbox", { name: "Имя" }).fill(uniqueName("Борис"));
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("link", { name: "Комнаты и люди" }).click();
  await expectAccessible(page);
  await expectFits(page, "rooms-phone-list");
  await page.getByRole("button", { name: "Все комнаты" }).click();
  await page.getByRole("dialog").getByRole("searchbox").fill(name);
  await expectAccessible(page);
  await expectFits(page, "rooms-phone-browse");
  await page.getByRole("button", { name: `Войти в комнату ${name}` }).click();
  await expect(page.getByRole("heading", { level: 1, name: `#${name}` })).toBeVisible();
  await sendMessage(ann.page, "привет");
  await expect(message(page, "привет")).toBeVisible();
  await expectAccessible(page);
  await expectFits(page, "rooms-phone-room");
  await page.getByRole("link", { name: "Участники и настройки" }).click();
  await expect(page.getByRole("list", { name: "Участники" }).getByRole("listitem")).toHaveCount(2);
  await expectAccessible(page);
  await expectFits(page, "rooms-phone-details");
  await page.getByRole("button", { name: "Выйти" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "#general" })).toBeVisible();
  await page.context().close();
  await closeAll(ann);
});
