import { expect, type Page } from "@playwright/test";
import { confirmCreation, createdBy, group, rows, serveInstances } from "./kit/instance-lifecycle";
import { joinChat, sendMessage, test, uniqueName } from "./kit/portal";

const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const { activeElement: one } = document;
    return one?.getAttribute("aria-label") || one?.textContent?.trim() || one?.tagName || "";
  });

/** Press Tab until the focused element is called `name`; fail if it isn't reachable. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const passed: string[] = [];
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press("Tab");
    const here = await focused(page);
    if (typeof name === "string" ? here === name : name.test(here)) return;
    passed.push(here);
  }
  throw new Error(`no Tab leads to ${name}; passed: ${passed.join(" | ")}`);
}

/** Press an arrow key until the focused element is called `name`. */
async function press(page: Page, key: string, name: string): Promise<void> {
  for (let presses = 0; presses < 40; presses += 1) {
    if ((await focused(page)) === name) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${key} doesn't lead to ${name}`);
}

/** The names of the elements that Tab passes from the focused one up to `name`. */
async function tabStopsTo(page: Page, name: string): Promise<string[]> {
  const passed: string[] = [];
  for (let presses = 0; presses < 300; presses += 1) {
    await page.keyboard.press("Tab");
    passed.push(await focused(page));
    if (passed.at(-1) === name) return passed;
  }
  throw new Error(`no Tab leads to ${name}`);
}

const announcements = (page: Page): Promise<string> => page.locator("[aria-live=polite]").first().innerText();

test("everything works with the keyboard alone", async ({ page, portal }) => {
  const name = uniqueName("Ann");
  await page.goto(portal.url);
  await expect(page.getByRole("textbox", { name: "Nickname" })).toBeFocused();
  await page.keyboard.type(name);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("textbox", { name: "Type your message here" })).toBeFocused();
  await page.keyboard.type("by keyboard");
  await page.keyboard.press("Enter");
  await expect(page.locator(".message.own", { hasText: "by keyboard" })).toBeVisible();

  await tabTo(page, "Insert an emoji");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("searchbox", { name: "Find an emoji" })).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await press(page, "ArrowRight", "🤣");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("textbox", { name: "Type your message here" })).toHaveValue("🤣");

  await tabTo(page, "Skip to content");
  await page.keyboard.press("Enter");
  await expect(page.locator("main")).toBeFocused();
  expect(new URL(page.url()).hash).not.toBe("#content");
  await expect(page.locator(".chat")).toBeVisible();
  await tabTo(page, "Skip to content");
  await tabTo(page, "Servers");
  await page.keyboard.press("Enter");
  await tabTo(page, "Create server");
  await expect(page.locator(".connection")).toContainText("Live");
  const id = await createdBy(page, async () => {
    await page.keyboard.press("Space");
    await expect(page.getByRole("dialog").getByRole("textbox", { name: "Name" })).toBeFocused();
    await page.keyboard.press("Enter");
  });
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect.poll(() => focused(page)).toBe("Create server");
  const card = page.getByRole("article", { name: id });
  await expect(page.getByRole("button", { name: `Remove ${id}` })).toBeEnabled();
  // The list is one tab stop, and the new server is its first row.
  await tabTo(page, "Servers");
  await page.keyboard.press("ArrowDown");
  await press(page, "ArrowRight", `Start ${id}`);
  await page.keyboard.press("Enter");
  await expect(card).toContainText("Running");
  await expect.poll(() => focused(page)).toBe(id);
  await press(page, "ArrowRight", `Remove ${id}`);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toBeVisible();
  await expect.poll(() => focused(page)).toBe("Cancel");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect.poll(() => focused(page)).toBe(`Remove ${id}`);
  await page.keyboard.press("Enter");
  await tabTo(page, "Remove");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("article", { name: id })).toHaveCount(0);
});

test("each list is one tab stop, and arrow keys move in it", async ({ page, portal }) => {
  await serveInstances(page, 40);
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Olga"));
  await page.goto(`${portal.url}/#/cloud`);
  await expect(group(page, "stopped")).toContainText("40");
  const [first, second] = await rows(page).evaluateAll(all => all.map(one => one.ariaLabel));
  await page.getByRole("searchbox", { name: "Find by name" }).focus();
  // The order, the box that selects all, and the list.
  expect(await tabStopsTo(page, "Servers")).toHaveLength(3);

  const row = () =>
    page.evaluate(() => document.activeElement?.closest("li")?.querySelector(".server")?.ariaLabel);
  await page.keyboard.press("ArrowDown");
  expect(await row()).toBe(first);
  await page.keyboard.press("ArrowDown");
  expect(await row()).toBe(second);
  await press(page, "ArrowRight", `Start ${second}`);
  await page.keyboard.press("ArrowUp");
  expect(await row()).toBe(first);
  // Rows that are not drawn yet are reached, too, even if the keys are pressed faster than the rows are drawn.
  const position = () => page.evaluate(() => document.activeElement?.getAttribute("aria-posinset"));
  const pressAtOnce = (key: string, times: number) =>
    page.evaluate(
      ({ key, times }) => {
        for (let pressed = 0; pressed < times; pressed += 1)
          document.activeElement?.dispatchEvent(
            new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }),
          );
      },
      { key, times },
    );
  await pressAtOnce("ArrowDown", 39);
  await expect.poll(position).toBe("40");
  await pressAtOnce("ArrowUp", 39);
  await expect.poll(position).toBe("1");
  for (let rows = 1; rows < 40; rows += 1) await page.keyboard.press("ArrowDown");
  await expect.poll(position).toBe("40");

  // A focused row that scrolls out of sight leaves the focus on the list.
  await page
    .locator(".widget")
    .first()
    .locator(".virtual-list-scroll")
    .evaluate(list => list.scrollTo(0, 0));
  await expect(page.getByRole("article", { name: first ?? "" })).toBeVisible();
  await expect.poll(() => focused(page)).toBe("Servers");
});

test("messages and events are announced politely to screen readers", async ({ browser, page, portal }) => {
  const [annName, bobName] = [uniqueName("Ann"), uniqueName("Bob")];
  await page.goto(portal.url);
  await joinChat(page, annName);
  await expect.poll(() => announcements(page)).toContain("Live");
  const other = await (await browser.newContext()).newPage();
  await other.goto(portal.url);
  await joinChat(other, bobName);
  await sendMessage(other, "can you hear me?");
  await expect.poll(() => announcements(page)).toContain(`${bobName}: can you hear me?`);
  // Own messages are not announced.
  await sendMessage(page, "yes");
  await expect(page.locator(".message.own", { hasText: "yes" })).toBeVisible();
  expect(await announcements(page)).not.toContain("yes");
  await expect(page.getByRole("complementary", { name: "People" })).toMatchAriaSnapshot(`
    - complementary "People":
      - navigation "Rooms":
        - heading "Rooms" [level=2]
        - button "New room"
        - list "Rooms":
          - listitem:
            - link "general"
      - button "Browse rooms"
      - navigation "Direct messages":
        - heading "Direct messages" [level=2]
        - button "New direct message"
      - heading /In this room · \\d+/ [level=2]
      - list "People":
        - listitem:
          - link "${annName} You"
        - listitem:
          - link "${bobName}"
  `);

  await page.goto(`${portal.url}/#/cloud`);
  await other.goto(`${portal.url}/#/cloud`);
  await confirmCreation(other);
  await expect.poll(() => announcements(page)).toMatch(/Server server-\w{8}: Received "Create command"/);
  await expect.poll(() => announcements(page)).toMatch(/Server server-\w{8}: Created/);
  await page.context().setOffline(true);
  await expect.poll(() => announcements(page)).toContain("Offline");
  await other.context().close();
});

test("there is no animation with prefers-reduced-motion", async ({ browser, portal }) => {
  const moving = async (reducedMotion: "reduce" | "no-preference"): Promise<number> => {
    const context = await browser.newContext({ reducedMotion });
    const page = await context.newPage();
    // Count from the first frame on, because animations are short.
    await page.addInitScript(() => {
      let most = 0;
      const look = () => {
        most = Math.max(most, document.getAnimations().length);
        Object.assign(window, { most });
        requestAnimationFrame(look);
      };
      look();
    });
    await page.goto(`${portal.url}/?demo`);
    await joinChat(page, "Marina");
    await expect(page.locator(".person-name.own")).toBeVisible();
    await page.goto(`${portal.url}/?demo#/cloud`);
    await confirmCreation(page);
    await expect(page.locator(".server .spinner")).toBeVisible();
    const most = await page.evaluate(() => (window as unknown as { most: number }).most);
    await context.close();
    return most;
  };
  expect(await moving("reduce")).toBe(0);
  expect(await moving("no-preference")).toBeGreaterThan(0);
});
