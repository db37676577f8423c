import { expect } from "@playwright/test";
import { joinChat, openAccount, sendMessage, setHidden, test, uniqueName } from "./kit/portal";

test("two users chat, and closing the tab removes the user", async ({ browser, portal }) => {
  const [annName, bobName] = [uniqueName("Ann"), uniqueName("Bob")];
  const [annContext, bobContext] = [await browser.newContext(), await browser.newContext()];
  const [ann, bob] = [await annContext.newPage(), await bobContext.newPage()];
  await ann.goto(portal.url);
  await expect(ann.getByRole("textbox", { name: "Nickname" })).toBeFocused();
  await joinChat(ann, annName);
  await bob.goto(portal.url);
  await joinChat(bob, bobName);
  await expect(ann.locator(".person-name", { hasText: bobName })).toBeVisible();
  await expect(ann.locator(".person-name.own")).toHaveText("You");

  await bob.getByRole("textbox", { name: "Type your message here" }).pressSequentially("wo");
  await expect(ann.locator(".typing-line")).toContainText(bobName);
  await sendMessage(bob, `hello ${annName} 😁 https://example.org/a`);
  await sendMessage(ann, `${annName} line one\nline two`);
  const received = ann.locator(".message", { hasText: `hello ${annName} 😁` });
  await expect(received.locator(".message-head")).toHaveText(new RegExp(`^${bobName} \\d\\d:\\d\\d$`));
  await expect(received.getByRole("link")).toHaveAttribute("rel", /noopener/);
  await expect(ann.locator(".message.own", { hasText: new RegExp(`${annName}.*line two`, "s") })).toHaveCount(
    1,
  );
  await expect(bob.locator(".message:not(.own)", { hasText: `${annName} line one` })).toHaveCount(1);

  await bob.close({ runBeforeUnload: false });
  // After a broken connection, the user would stay for a minute.
  await expect(ann.locator(".person-name", { hasText: bobName })).toHaveCount(0, { timeout: 45_000 });
  await annContext.close();
  await bobContext.close();
});

test("a taken nickname keeps the dialog open and offers others; a returning user needs no dialog", async ({
  browser,
  page,
  portal,
}) => {
  const name = uniqueName("Ann");
  await page.goto(portal.url);
  await joinChat(page, name);
  const other = await (await browser.newContext()).newPage();
  await other.goto(portal.url);
  const field = other.getByRole("textbox", { name: "Nickname" });
  await field.fill(name);
  await other.keyboard.press("Enter");
  await expect(other.getByRole("alert")).toContainText("already");
  await expect(field).toHaveValue(name);
  await expect(field).toBeFocused();
  await other.locator(".chip").first().click();
  await expect(other.getByRole("dialog")).toHaveCount(0);
  await page.reload();
  await expect(page.locator(".person-name.own")).toBeVisible();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await other.context().close();
});

test("markup in a message and in a nickname stays text", async ({ browser, page, portal }) => {
  const dialogs: string[] = [];
  page.on("dialog", dialog => void dialogs.push(dialog.message()));
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  const evil = await (await browser.newContext()).newPage();
  await evil.goto(portal.url);
  const name = `<b onclick=x>${Date.now() % 10_000}</b>`;
  await joinChat(evil, name);
  await sendMessage(evil, "<script>alert(1)</script><img src=x onerror=alert(2)>");
  await expect(page.locator(".message-text", { hasText: "<script>alert(1)</script><img" })).toBeVisible();
  await expect(page.locator(".person-name", { hasText: name })).toBeVisible();
  expect(await page.locator(".message script, .message img, .person b").count()).toBe(0);
  expect(dialogs).toEqual([]);
  await evil.context().close();
});

test("messages written offline are sent once and in order", async ({ browser, page, portal }) => {
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  const witness = await (await browser.newContext()).newPage();
  await witness.goto(portal.url);
  await joinChat(witness, uniqueName("Bob"));
  const mark = Date.now().toString(36);
  await page.context().setOffline(true);
  await expect(page.locator(".connection")).toContainText("Offline");
  for (const n of [1, 2, 3]) await sendMessage(page, `${mark} ${n}`);
  await expect(page.locator(".outgoing")).toHaveCount(3);
  await page.context().setOffline(false);
  await expect(page.locator(".outgoing")).toHaveCount(0);
  await expect(witness.locator(".message-text", { hasText: mark })).toHaveText(
    [1, 2, 3].map(n => `${mark} ${n}`),
  );
  await witness.context().close();
});

test("a hidden tab counts messages in its title, and shows notifications if allowed", async ({
  browser,
  page,
  portal,
}) => {
  const [annName, bobName] = [uniqueName("Ann"), uniqueName("Bob")];
  // A headless browser may not support notifications, so record them instead.
  await page.addInitScript(() => {
    const shown: string[] = [];
    Object.assign(window, { shown });
    class Noting extends Notification {
      static override get permission() {
        return "granted" as const;
      }
      static override requestPermission = async () => Noting.permission;
      constructor(title: string, options?: NotificationOptions) {
        super(title, options);
        shown.push(`${title}: ${options?.body}`);
      }
    }
    window.Notification = Noting;
  });
  const shown = () => page.evaluate(() => (window as unknown as { shown: string[] }).shown);
  await page.goto(portal.url);
  await joinChat(page, annName);
  const other = await (await browser.newContext()).newPage();
  await other.goto(portal.url);
  await joinChat(other, bobName);
  await setHidden(page, true);
  await sendMessage(other, "not asked for");
  await expect(page).toHaveTitle("(1) #general · Opsroom");
  await setHidden(page, false);
  await expect(page).toHaveTitle("#general · Opsroom");

  await (await openAccount(page)).getByRole("button", { name: "Notifications" }).click();
  await page.getByRole("combobox", { name: "Notify me of" }).selectOption("All messages");
  await page.getByRole("checkbox", { name: "Show messages while this tab is hidden" }).check();
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await sendMessage(other, "seen at once");
  await expect(page.locator(".message", { hasText: "seen at once" })).toBeVisible();
  await setHidden(page, true);
  await sendMessage(other, "psst");
  await sendMessage(other, "psst!");
  await expect(page).toHaveTitle("(2) #general · Opsroom");
  await expect.poll(shown).toEqual([`${bobName}: psst`, `${bobName}: psst!`]);
  await setHidden(page, false);
  await expect(page).toHaveTitle("#general · Opsroom");
  await other.context().close();
});

test("Enter sends, Shift+Enter inserts a line break, and emoji are inserted at the caret", async ({
  page,
  portal,
}) => {
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  const field = page.getByRole("textbox", { name: "Type your message here" });
  await expect(field).toBeFocused();
  await page.keyboard.type("one");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("two");
  await page.keyboard.press("Home");
  await page.getByRole("button", { name: "Insert an emoji" }).click();
  await page.getByRole("button", { name: "🚀" }).click();
  await expect(field).toHaveValue("one\n🚀two");
  await expect(field).toBeFocused();
  await page.keyboard.type("!");
  await page.keyboard.press("Enter");
  await expect(field).toHaveValue("");
  await expect(page.locator(".message.own .message-text").last()).toHaveText("one\n🚀!two");
  await page.keyboard.press("Enter");
  await expect(page.locator(".message.own")).toHaveCount(1);
});

test("unsent messages survive a reload", async ({ page, portal }) => {
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  const text = `kept ${Date.now().toString(36)}`;
  // The socket opens but drops everything.
  await page.routeWebSocket(/chat\/ws/, () => {});
  await page.reload();
  await sendMessage(page, text);
  await page.reload();
  await expect(page.locator(".outgoing", { hasText: text })).toBeVisible();
  await page.unrouteAll();
});
