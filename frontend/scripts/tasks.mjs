// Times what a new person wants to do, at human speed: `npm run tasks [-- --rounds 5]`. Run it on a quiet machine, after
// `npm run build`. e2e/first-tasks.spec.ts and e2e/people.spec.ts hold the numbers of presses.
import { parseArgs } from "node:util";
import { chromium } from "@playwright/test";
import { findChromium } from "./chromium.mjs";
import { fill, invite } from "./fill.mjs";
import { startPortal } from "./portal.mjs";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, key: { type: "string", default: "80" } },
});
const [ROUNDS, KEY_MS] = [values.rounds, values.key].map(Number);
/** A person aims at what is pressed. */
const PRESS_MS = 700;

/** A page of somebody who has never been here, and what they do there, counted. */
async function newcomer(browser) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-US" });
  const page = await context.newPage();
  const counted = { presses: 0, keys: 0 };
  const press = async target => {
    counted.presses += 1;
    await target.waitFor();
    await page.waitForTimeout(PRESS_MS);
    await target.click();
  };
  const type = async text => {
    counted.keys += text.length;
    await page.keyboard.type(text, { delay: KEY_MS });
  };
  const key = async name => {
    counted.keys += 1;
    await page.keyboard.press(name);
  };
  return { page, counted, press, type, key };
}

/** Each task: what comes before it, which isn't timed, and what is done until its result is shown. */
const TASKS = {
  "first message": {
    limit: 5,
    work: async ({ page, type, key, url, name }) => {
      await page.goto(url);
      await page.getByRole("textbox", { name: "Nickname" }).waitFor();
      await type(name);
      await key("Enter");
      await page
        .getByRole("textbox", { name: "Type your message here" })
        .and(page.locator(":focus"))
        .waitFor();
      await type("Hello!");
      await key("Enter");
      await page.locator(".message.own:not(.outgoing)", { hasText: "Hello!" }).waitFor();
    },
  },
  "create and start a server": {
    before: async ({ page, url, name }) => {
      await page.goto(url);
      await page.getByRole("textbox", { name: "Nickname" }).fill(name);
      await page.keyboard.press("Enter");
      await page.goto(`${url}/#/servers`);
      await page.getByRole("button", { name: "Create server" }).waitFor();
    },
    work: async ({ page, press, servers }) => {
      await press(page.getByRole("button", { name: "Create server" }));
      await press(page.getByRole("button", { name: "Create and start" }));
      await page.locator(".server:not(.headings)").nth(servers).waitFor();
    },
  },
  "who stopped build-1": {
    limit: 10,
    before: async ({ page, url }) => {
      await page.goto(`${url}/#/servers`);
      await page.getByRole("link", { name: "build-1" }).waitFor();
    },
    work: async ({ page, press, type }) => {
      await press(page.getByRole("link", { name: "Activity" }));
      await press(page.getByRole("searchbox", { name: "Find a server or a word" }));
      await type("build-1");
      await page.locator(".happening", { hasText: "Stopped" }).filter({ hasText: "ivan" }).first().waitFor();
    },
  },
  "invite a colleague": {
    limit: 60,
    before: async ({ page, url, name }) => {
      await page.goto(invite(url, `${name}-admin`, "admin"));
      await page.locator(".account", { hasText: name }).waitFor();
    },
    work: async ({ page, press, type, name }) => {
      await press(page.locator(".account"));
      await press(page.locator(".account-menu").getByRole("link", { name: "People" }));
      await press(page.getByRole("button", { name: "Invite" }));
      await type(`${name}-two`);
      await press(page.getByRole("button", { name: "Create link" }));
      await press(page.getByRole("button", { name: "Copy link" }));
    },
  },
};

const median = numbers => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

const { path, problem } = await findChromium();
if (problem) throw new Error(problem);
const browser = await chromium.launch({ executablePath: path });
const { url, stop } = await startPortal(["--ephemeral", "--delay", "1"]);
let failed = false;
try {
  const background = await browser.newPage();
  await background.goto(`${url}/docs/`);
  await fill(url, background);
  console.log(`${KEY_MS} ms for a key, ${PRESS_MS} ms for a press, median of ${ROUNDS}\n`);
  for (const [at, [task, { limit, before, work }]] of Object.entries(TASKS).entries()) {
    const seconds = [];
    let counted;
    for (let round = 0; round < ROUNDS; round += 1) {
      const person = await newcomer(browser);
      const place = { ...person, url, name: `nina${at}${round}`, servers: 5 + round };
      await before?.(place);
      const began = performance.now();
      await work(place);
      seconds.push((performance.now() - began) / 1_000);
      counted = person.counted;
      await person.page.context().close();
    }
    const taken = median(seconds);
    failed ||= taken > (limit ?? Number.POSITIVE_INFINITY);
    const bound = limit === undefined ? "" : `  (limit ${limit} s${taken > limit ? ": EXCEEDED" : ""})`;
    const how = `${counted.presses} presses, ${counted.keys} keys`;
    console.log(`${task.padEnd(28)} ${taken.toFixed(2).padStart(6)} s  ${how}${bound}`);
  }
} finally {
  await browser.close();
  await stop();
}
process.exit(failed ? 1 : 0);
