import { connect } from "node:net";
import { expect, type Page, test } from "@playwright/test";
import { costOf, costOfScrolling, PROMPT_MS, SMOOTH_TIMES } from "./frames";
import { startPortal } from "./portal";

const CONNECTIONS = 50;
const EACH = 200;

/** Have the server create `EACH` instances over one connection, not waiting for answers; resolves to how many it accepted. */
const createSome = (url: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const { hostname, host, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    let heard = "";
    socket.setEncoding("latin1").on("data", piece => {
      heard += piece;
    });
    socket.once("error", reject).once("close", () => resolve(heard.split("HTTP/1.1 202").length - 1));
    const create = (more: string) =>
      `POST /api/v1/cloud/instances HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\n${more}\r\n`;
    socket.write(create("").repeat(EACH - 1) + create("Connection: close\r\n"));
  });

const ids = (page: Page): Promise<string[]> => page.locator(".instance code").allTextContents();

test("10,000 instances are listed, found, sorted and commanded, and stay smooth", async ({ page }) => {
  test.setTimeout(300_000);
  const { portal, stop } = await startPortal(["--ephemeral", "--delay", "0.5"]);
  try {
    const accepted = await Promise.all(Array.from({ length: CONNECTIONS }, () => createSome(portal.url)));
    expect(new Set(accepted)).toEqual(new Set([EACH]));
    await page.goto(`${portal.url}/#/cloud`);
    await expect(page.locator(".counts")).toContainText("10,000 stopped");
    expect(await page.locator(".instance").count()).toBeLessThan(30);
    const list = page.locator(".widget").first().locator(".windowed-scroll");
    const all = await costOfScrolling(page, list);

    await page.getByRole("combobox", { name: "Order" }).selectOption("id");
    await list.evaluate(box => box.scrollTo(0, 0));
    await expect
      .poll(async () => (await ids(page)).toSorted().join() === (await ids(page)).join())
      .toBe(true);
    const [first = ""] = await ids(page);
    const search = page.getByRole("searchbox", { name: "Find by id" });
    // What an id has in it by chance leaves some dozens.
    await search.fill("abc");
    await expect.poll(async () => (await ids(page)).every(id => id.includes("abc"))).toBe(true);
    const few = await costOfScrolling(page, list);
    expect(all).toBeLessThan(SMOOTH_TIMES * few);
    const cost = await costOf(page, async () => {
      await search.fill(first.slice(0, 18));
      await expect.poll(() => ids(page)).toEqual([first]);
    });
    expect(cost).toBeLessThan(PROMPT_MS);

    await page.getByRole("button", { name: `Start ${first}` }).click();
    await expect(page.getByRole("article", { name: first })).toContainText("Running");
    await search.fill("");
    await page.getByRole("combobox", { name: "Show" }).selectOption("running");
    await expect.poll(() => ids(page)).toEqual([first]);
    await expect(page.locator(".counts")).toContainText("1 running");
    await expect(page.locator(".counts")).toContainText("9,999 stopped");
  } finally {
    await stop();
  }
});
