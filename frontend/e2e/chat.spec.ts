import { expect } from "@playwright/test";
import { enter, freshName, say, setHidden, test } from "./portal";

test("two people talk, and closing a tab removes the person", async ({ browser, portal }) => {
  const [annName, bobName] = [freshName("Ann"), freshName("Bob")];
  const [annContext, bobContext] = [await browser.newContext(), await browser.newContext()];
  const [ann, bob] = [await annContext.newPage(), await bobContext.newPage()];
  await ann.goto(portal.url);
  await expect(ann.getByRole("textbox", { name: "Nickname" })).toBeFocused();
  await enter(ann, annName);
  await bob.goto(portal.url);
  await enter(bob, bobName);
  await expect(ann.locator(".person-name", { hasText: bobName })).toBeVisible();
  await expect(ann.locator(".person-name.own")).toHaveText("You");

  await bob.getByRole("textbox", { name: "Type your message here" }).pressSequentially("wo");
  await expect(ann.locator(".typing-line")).toContainText(bobName);
  await say(bob, `hello ${annName} 😁 https://example.org/a`);
  await say(ann, `${annName} line one\nline two`);
  const heard = ann.locator(".message", { hasText: `hello ${annName} 😁` });
  await expect(heard.locator(".message-head")).toHaveText(
    new RegExp(`^${bobName}, \\d\\d:\\d\\d \\d\\d\\.\\d\\d\\.\\d{4}$`),
  );
  await expect(heard.getByRole("link")).toHaveAttribute("rel", /noopener/);
  await expect(ann.locator(".message.own", { hasText: new RegExp(`${annName}.*line two`, "s") })).toHaveCount(
    1,
  );
  await expect(bob.locator(".message:not(.own)", { hasText: `${annName} line one` })).toHaveCount(1);

  await bob.close({ runBeforeUnload: false });
  await expect(ann.locator(".person-name", { hasText: bobName })).toHaveCount(0, {
    // A connection that broke would keep the person for ten seconds.
    timeout: 8_000,
  });
  await annContext.close();
  await bobContext.close();
});

test("a taken nickname keeps the dialog and offers free ones; a returning user goes straight in", async ({
  browser,
  page,
  portal,
}) => {
  const name = freshName("Ann");
  await page.goto(portal.url);
  await enter(page, name);
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
  await enter(page, freshName("Ann"));
  const evil = await (await browser.newContext()).newPage();
  await evil.goto(portal.url);
  const name = `<b onclick=x>${Date.now() % 10_000}</b>`;
  await enter(evil, name);
  await say(evil, "<script>alert(1)</script><img src=x onerror=alert(2)>");
  await expect(page.locator(".message-text", { hasText: "<script>alert(1)</script><img" })).toBeVisible();
  await expect(page.locator(".person-name", { hasText: name })).toBeVisible();
  expect(await page.locator(".message script, .message img, .person b").count()).toBe(0);
  expect(dialogs).toEqual([]);
  await evil.context().close();
});

test("what is typed offline goes out once, in order", async ({ browser, page, portal }) => {
  await page.goto(portal.url);
  await enter(page, freshName("Ann"));
  const witness = await (await browser.newContext()).newPage();
  await witness.goto(portal.url);
  await enter(witness, freshName("Bob"));
  const mark = Date.now().toString(36);
  await page.context().setOffline(true);
  await expect(page.locator(".connection")).toContainText("Offline");
  for (const n of [1, 2, 3]) await say(page, `${mark} ${n}`);
  await expect(page.locator(".outgoing")).toHaveCount(3);
  await page.context().setOffline(false);
  await expect(page.locator(".outgoing")).toHaveCount(0);
  await expect(witness.locator(".message-text", { hasText: mark })).toHaveText(
    [1, 2, 3].map(n => `${mark} ${n}`),
  );
  await witness.context().close();
});

test("messages for a hidden tab are counted in its title, and told by the browser when allowed", async ({
  browser,
  page,
  portal,
}) => {
  const [annName, bobName] = [freshName("Ann"), freshName("Bob")];
  // A browser without a desktop may neither show nor allow any; what it is asked to show is noted.
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
  await enter(page, annName);
  const other = await (await browser.newContext()).newPage();
  await other.goto(portal.url);
  await enter(other, bobName);
  await setHidden(page, true);
  await say(other, "not asked for");
  await expect(page).toHaveTitle("(1) Opsroom");
  await setHidden(page, false);
  await expect(page).toHaveTitle("Opsroom");

  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("checkbox", { name: /Notify me/ }).check();
  await page.keyboard.press("Escape");
  await say(other, "seen at once");
  await expect(page.locator(".message", { hasText: "seen at once" })).toBeVisible();
  await setHidden(page, true);
  await say(other, "psst");
  await say(other, "psst!");
  await expect(page).toHaveTitle("(2) Opsroom");
  await expect.poll(shown).toEqual([`${bobName}: psst`, `${bobName}: psst!`]);
  await setHidden(page, false);
  await expect(page).toHaveTitle("Opsroom");
  await other.context().close();
});

test("Enter sends, Shift+Enter breaks the line, and an emoji goes where the caret is", async ({
  page,
  portal,
}) => {
  await page.goto(portal.url);
  await enter(page, freshName("Ann"));
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

test("what could not be sent survives a reload", async ({ page, portal }) => {
  await page.goto(portal.url);
  await enter(page, freshName("Ann"));
  const text = `kept ${Date.now().toString(36)}`;
  // The socket opens and swallows everything, so the page loads and nothing gets through.
  await page.routeWebSocket(/chat\/ws/, () => {});
  await page.reload();
  await say(page, text);
  await page.reload();
  await expect(page.locator(".outgoing", { hasText: text })).toBeVisible();
  await page.unrouteAll();
});
