import { readFileSync } from "node:fs";
import { type Browser, type BrowserContextOptions, expect, type Locator, type Page } from "@playwright/test";
import { en as activityEn } from "../src/i18n/activity.en";
import { ru as activityRu } from "../src/i18n/activity.ru";
import { en } from "../src/i18n/en";
import { en as filesEn } from "../src/i18n/files.en";
import { ru as filesRu } from "../src/i18n/files.ru";
import { unmarked } from "../src/i18n/isolate";
import { en as messageEn } from "../src/i18n/message.en";
import { ru as messageRu } from "../src/i18n/message.ru";
import { en as peopleEn } from "../src/i18n/people.en";
import { ru as peopleRu } from "../src/i18n/people.ru";
import { en as roomsEn } from "../src/i18n/rooms.en";
import { ru as roomsRu } from "../src/i18n/rooms.ru";
import { ru } from "../src/i18n/ru";
import { expectAccessible, expectFits } from "./kit/accessibility";
import { picture } from "./kit/pictures";
import { testsWithPortal, uniqueName } from "./kit/portal";
import { issueTokens } from "./kit/tokens";

const { tokens: TOKENS, setting } = issueTokens({ ann: "admin", bob: "operator" });

// With tokens, a person is the same on all devices, and may have bots.
const test = testsWithPortal(["--ephemeral", "--access", "token"], {
  GATEWAY_TOKENS: setting,
});
test.describe.configure({ mode: "default" });

const LANGUAGES = [
  {
    ...{
      options: { locale: "en-US", colorScheme: "light" as const },
      all: en,
      activity: activityEn,
      files: filesEn,
    },
    ...{ message: messageEn, people: peopleEn, rooms: roomsEn },
  },
  {
    ...{
      options: { locale: "ru-RU", colorScheme: "dark" as const },
      all: ru,
      activity: activityRu,
      files: filesRu,
    },
    ...{ message: messageRu, people: peopleRu, rooms: roomsRu },
  },
] as const;

const field = (page: Page): Locator => page.locator(".room > .composer textarea");
/** A message in the room that is stored. */
const message = (page: Page, text: string): Locator =>
  page.locator(".room .message:not(.outgoing)", { hasText: text });
const thread = (page: Page): Locator => page.locator(".panel.thread");
const dialog = (page: Page): Locator => page.getByRole("dialog");

async function say(page: Page, text: string): Promise<void> {
  await field(page).fill(text);
  await field(page).press("Enter");
}

for (const { options, all, activity, files, message: t, people, rooms } of LANGUAGES) {
  async function device(
    browser: Browser,
    url: string,
    who: keyof typeof TOKENS,
    more: BrowserContextOptions = {},
  ): Promise<Page> {
    const page = await (await browser.newContext({ ...options, ...more })).newPage();
    await page.goto(url);
    await page.getByRole("button", { name: all.access.haveToken }).click();
    await page.getByRole("textbox", { name: all.access.tokenLabel }).fill(TOKENS[who]);
    await page.keyboard.press("Enter");
    await expect(dialog(page)).toHaveCount(0);
    await expect(page.locator(".account")).toContainText(who);
    return page;
  }

  const roomLink = (page: Page, name: string) =>
    page.getByRole("navigation", { name: all.chat.rooms }).getByRole("link", { name });
  const directLink = (page: Page, name: string) =>
    page.getByRole("navigation", { name: rooms.direct }).getByRole("link", { name });

  async function createRoom(page: Page, name: string, isPrivate: boolean): Promise<void> {
    await page.getByRole("button", { name: rooms.newRoom }).click();
    await dialog(page).getByRole("textbox", { name: rooms.name }).fill(name);
    if (isPrivate) await dialog(page).getByRole("checkbox").check();
    await dialog(page).getByRole("button", { name: rooms.create }).click();
    await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  }

  /** Open the menu of a message, and choose something. */
  async function choose(page: Page, text: string, item: string): Promise<void> {
    await message(page, text).hover();
    await message(page, text).getByRole("button", { name: t.more }).click();
    await page.getByRole("menuitem", { name: item, exact: true }).click();
  }

  test(`two people use everything of the chat: ${options.locale}`, async ({ browser, portal }) => {
    const [ann, bob] = [await device(browser, portal.url, "ann"), await device(browser, portal.url, "bob")];
    const phone = await device(browser, portal.url, "bob", { viewport: { width: 390, height: 760 } });
    const mark = uniqueName("x").replaceAll("-", "");
    const [open, closed] = [`Deploys ${mark}`, `Salaries ${mark}`];
    const said = (what: string) => `${what} ${mark}`;

    await test.step("a public room is found by its name, and joined", async () => {
      await createRoom(ann, open, false);
      await say(ann, said("before"));
      await bob.keyboard.press("Control+k");
      await bob.getByRole("combobox").fill(`#${open.toLowerCase()}`);
      await expect(bob.getByRole("option", { selected: true })).toContainText(open);
      await bob.keyboard.press("Enter");
      await bob.getByRole("button", { name: rooms.join }).click();
      await expect(message(bob, said("before"))).toBeVisible();
      await say(bob, said("joined"));
      await expect(message(ann, said("joined"))).toBeVisible();
    });

    await test.step("a private room is for those who are invited", async () => {
      await createRoom(ann, closed, true);
      await expect(roomLink(bob, closed)).toHaveCount(0);
      await ann.getByRole("link", { name: all.chat.details }).click();
      await ann.getByRole("button", { name: rooms.invite }).click();
      await dialog(ann).getByRole("searchbox").fill("bob");
      await dialog(ann).getByRole("searchbox").press("Enter");
      await dialog(ann).getByRole("button", { name: rooms.invite }).click();
      await roomLink(bob, closed).click();
      await say(bob, said("secret"));
      await expect(message(ann, said("secret"))).toBeVisible();
      await roomLink(bob, open).click();
      await roomLink(ann, open).click();
    });

    await test.step("a direct message begins at the person, and is unread on both devices", async () => {
      await ann.goto(`${portal.url}/#/people/bob`);
      await ann.getByRole("button", { name: unmarked(activity.writeTo("bob")) }).click();
      await expect(ann.locator(".room h1")).toHaveText("bob");
      await say(ann, said("psst"));
      await expect(directLink(bob, "ann")).toContainText(all.chat.fresh(1));
      await phone.getByRole("link", { name: all.chat.toList }).click();
      await expect(directLink(phone, "ann")).toContainText(all.chat.fresh(1));
      await expectAccessible(phone);
      await expectFits(phone, `two-list-${options.locale}`);
      await directLink(phone, "ann").click();
      await expect(message(phone, said("psst"))).toBeVisible();
      // What the phone has read is read on the other device, too.
      await expect(directLink(bob, "ann")).not.toContainText(all.chat.fresh(1));
      await roomLink(ann, open).click();
    });

    await test.step("a mention is completed, and counted where it was not seen", async () => {
      await roomLink(bob, "general").click();
      await field(ann).fill("");
      await field(ann).pressSequentially("@bo");
      await expect(ann.getByRole("option", { name: "bob" })).toBeVisible();
      await ann.keyboard.press("Enter");
      await ann.keyboard.type(said("look"));
      await ann.keyboard.press("Enter");
      await expect(roomLink(bob, open)).toContainText(rooms.mentions(1));
      await roomLink(bob, open).click();
      await expect(message(bob, said("look")).locator(".mention.own")).toHaveText("@bob");
      await expect(roomLink(bob, open)).not.toContainText(rooms.mentions(1));
    });

    await test.step("a message is edited, gets reactions, is pinned and deleted", async () => {
      await say(ann, said("frist"));
      await expect(message(bob, said("frist"))).toBeVisible();
      await field(ann).press("ArrowUp");
      await ann.locator(".edit-form textarea").fill(said("**first**"));
      await ann.keyboard.press("Enter");
      await expect(message(bob, said("first")).locator("strong")).toHaveText("first");
      await expect(message(bob, said("first"))).toContainText(t.edited);

      await message(bob, said("first")).hover();
      await message(bob, said("first")).getByRole("button", { name: t.react }).click();
      await bob.locator(".at-message .emoji-search").fill("heart");
      await bob.keyboard.press("Enter");
      const reaction = message(ann, said("first")).locator(".reaction");
      await expect(reaction).toHaveText(/^\S+ 1$/);
      await reaction.click();
      await expect(message(bob, said("first")).locator(".reaction")).toHaveText(/^\S+ 2$/);
      await message(bob, said("first")).locator(".reaction").click();
      await expect(reaction).toHaveText(/^\S+ 1$/);

      await choose(bob, said("first"), t.pin);
      await expect(message(ann, said("first")).locator(".message-pinned")).toBeVisible();
      await ann.getByRole("link", { name: all.chat.details }).click();
      await expect(ann.getByRole("list", { name: t.pinned })).toContainText("first");
      await expectAccessible(ann);
      await expectFits(ann, `two-details-${options.locale}`);
      await roomLink(ann, open).click();

      await say(ann, said("wrong"));
      await expect(message(bob, said("wrong"))).toBeVisible();
      await choose(ann, said("wrong"), t.delete);
      await dialog(ann).getByRole("button", { name: t.delete, exact: true }).click();
      await expect(message(bob, said("wrong"))).toHaveCount(0);
      await expect(bob.getByText(all.chat.deleted)).toBeVisible();
    });

    await test.step("a thread is answered, and one reply goes to the room", async () => {
      await message(bob, said("first")).hover();
      await message(bob, said("first")).getByRole("link", { name: t.reply }).click();
      await thread(bob).locator("textarea").fill(said("aside"));
      await bob.keyboard.press("Enter");
      await message(ann, said("first"))
        .getByRole("link", { name: t.replies(1) })
        .click();
      await expect(thread(ann)).toContainText(said("aside"));
      await thread(ann).locator("textarea").fill(said("aloud"));
      await thread(ann).getByRole("checkbox").check();
      await thread(ann).locator("textarea").press("Enter");
      await expect(message(bob, said("aloud"))).toBeVisible();
      await expect(message(bob, said("aside"))).toHaveCount(0);
      await expectAccessible(bob);
      await expectFits(bob, `two-thread-${options.locale}`);
      for (const page of [ann, bob]) await page.getByRole("link", { name: t.closeThread }).click();
    });

    await test.step("files stay attached while one looks elsewhere, and are seen in the gallery", async () => {
      const [chooser] = await Promise.all([
        ann.waitForEvent("filechooser"),
        ann.getByRole("button", { name: files.attach }).click(),
      ]);
      const [one, two] = [await picture(ann, "teal"), await picture(ann, "maroon", 2_000)];
      await chooser.setFiles([
        { name: "one.jpg", mimeType: "image/jpeg", buffer: one },
        { name: "two.jpg", mimeType: "image/jpeg", buffer: two },
        { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("notes") },
      ]);
      const attached = ann.getByRole("list", { name: files.attached });
      await roomLink(ann, "general").click();
      await expect(ann.getByRole("heading", { level: 1, name: "general" })).toBeVisible();
      await expect(attached).toHaveCount(0);
      await roomLink(ann, open).click();
      await expect(attached.getByRole("listitem")).toHaveCount(3);
      await expect(ann.locator("progress")).toHaveCount(0);
      await expectAccessible(ann);
      await expectFits(ann, `two-attached-${options.locale}`);
      await say(ann, said("pictures"));
      await expect(attached).toHaveCount(0);

      const opener = message(bob, said("pictures")).getByRole("button", {
        name: unmarked(files.open("one.jpg")),
      });
      // The large one is made smaller before it is shown.
      const large = message(bob, said("pictures")).locator(".inline-image img").nth(1);
      await expect(large).toHaveJSProperty("naturalWidth", 420);
      await opener.click();
      const shown = dialog(bob).getByRole("img");
      await expect(shown).toHaveAttribute("alt", "one.jpg");
      await bob.keyboard.press("ArrowRight");
      await expect(shown).toHaveAttribute("alt", "two.jpg");
      await expect(shown).toHaveJSProperty("naturalWidth", 2_000);
      await expect(dialog(bob)).toContainText(files.position(2, 2));
      await expectAccessible(bob);
      await expectFits(bob, `two-gallery-${options.locale}`);
      await bob.keyboard.press("Home");
      await expect(shown).toHaveAttribute("alt", "one.jpg");
      await bob.keyboard.press("Escape");
      await expect(opener).toBeFocused();
      const [download] = await Promise.all([
        bob.waitForEvent("download"),
        message(bob, said("pictures"))
          .getByRole("button", { name: /notes\.txt/ })
          .click(),
      ]);
      expect(readFileSync(await download.path(), "utf8")).toBe("notes");
    });

    await test.step("a message is found by another form of its words, and by whom it may be read", async () => {
      await say(bob, `${said("restarting the servers")}, перезапустили серверы`);
      await expect(message(ann, said("restarting the servers"))).toBeVisible();
      await ann.keyboard.press("Control+k");
      const words = options.locale === "ru-RU" ? "перезапустил сервер" : "server restarted";
      await expect(async () => {
        await ann.getByRole("combobox").fill("");
        await ann.getByRole("combobox").fill(`${words} ${mark}`);
        await expect(ann.getByRole("option", { name: said("restarting the servers") })).toBeVisible({
          timeout: 5_000,
        });
      }).toPass();
      await expectAccessible(ann);
      await expectFits(ann, `two-search-${options.locale}`);
      await ann.getByRole("option", { name: said("restarting the servers") }).click();
      await expect(
        ann.locator("[aria-current=true]", { hasText: said("restarting the servers") }),
      ).toBeInViewport();
      await roomLink(ann, open).click();
    });

    await test.step("a bot is made, sends a message and is removed", async () => {
      await ann.goto(`${portal.url}/#/people`);
      await ann.getByRole("button", { name: people.newBot }).click();
      const name = `deploy${mark}`;
      await dialog(ann).getByRole("textbox", { name: people.nickname }).fill(name);
      await expectAccessible(ann);
      await dialog(ann).getByRole("button", { name: people.createBot, exact: true }).click();
      const token = await dialog(ann).getByRole("textbox", { name: people.token }).inputValue();
      await expectAccessible(ann);
      await expectFits(ann, `two-bot-${options.locale}`);
      await dialog(ann).getByRole("button", { name: people.done }).click();
      const send = (text: string) =>
        fetch(`${portal.url}/api/v1/chat/rooms/general/messages`, {
          method: "POST",
          headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
          body: JSON.stringify({ text }),
        });
      expect((await send(said("from the bot"))).status).toBe(201);
      await roomLink(bob, "general").click();
      await expect(message(bob, said("from the bot")).locator(".bot-badge")).toHaveText(all.chat.bot);
      const bots = ann.getByRole("region", { name: people.bots });
      await expect(bots.getByRole("listitem").filter({ hasText: name })).toBeVisible();
      await expectAccessible(ann);
      await expectFits(ann, `two-bots-${options.locale}`);
      await bots.getByRole("button", { name: unmarked(people.removeBotOf(name)) }).click();
      await dialog(ann).getByRole("button", { name: people.removeBot, exact: true }).click();
      await expect(bots.getByRole("listitem").filter({ hasText: name })).toHaveCount(0);
      await expect(async () => expect((await send(said("late"))).status).toBe(401)).toPass();
    });

    await Promise.all([ann, bob, phone].map(page => page.context().close()));
  });
}
