import { expect } from "@playwright/test";
import { enter, freshName, say, test } from "./portal";

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
  await expect(ann.locator(".person-name", { hasText: bobName })).toHaveCount(0, { timeout: 3_000 });
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

test("two tabs are one person on one stream, and the second goes on when the first is closed", async ({
  context,
  page,
  portal,
}) => {
  const mark = Date.now().toString(36);
  const sockets: string[] = [];
  const count = (one: typeof page) => one.on("websocket", socket => void sockets.push(socket.url()));
  count(page);
  await page.goto(portal.url);
  await enter(page, freshName("Ann"));
  const second = await context.newPage();
  count(second);
  await second.goto(portal.url);
  await expect(second.locator(".person-name.own")).toBeVisible();
  await say(second, `${mark} from the second tab`);
  await expect(page.locator(".message.own", { hasText: `${mark} from the second tab` })).toBeVisible();
  expect(sockets).toHaveLength(1);
  await page.close();
  await say(second, `${mark} still here`);
  await expect(
    second.locator(".message.own:not(.outgoing)", { hasText: `${mark} still here` }),
  ).toBeVisible();
  expect(sockets).toHaveLength(2);
});

test("unread messages are counted in the title while the tab is hidden", async ({
  browser,
  page,
  portal,
}) => {
  await page.goto(portal.url);
  await enter(page, freshName("Ann"));
  const other = await (await browser.newContext()).newPage();
  await other.goto(portal.url);
  await enter(other, freshName("Bob"));
  const setHidden = (hidden: boolean) =>
    page.evaluate(value => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  await setHidden(true);
  await say(other, "psst");
  await say(other, "psst!");
  await expect(page).toHaveTitle("(2) Opsroom");
  await setHidden(false);
  await expect(page).toHaveTitle("Opsroom");
  await other.context().close();
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
