// Measures the page in Chromium with a throttled processor: `npm run measure [-- --rounds 10]`. Exits with 1 if a limit
// is exceeded. Run it on a quiet machine, after `npm run build`.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { chromium } from "@playwright/test";
import { findChromium } from "./chromium.mjs";
import { python, ROOT, startPortal } from "./portal.mjs";

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "10000" },
    servers: { type: "string", default: "1000" },
    slowdown: { type: "string", default: "4" },
    rounds: { type: "string", default: "5" },
  },
});
const [MESSAGES, SERVERS, SLOWDOWN, ROUNDS] = [
  values.messages,
  values.servers,
  values.slowdown,
  values.rounds,
].map(Number);
const SCRIPT_LIMIT_BYTES = 50 * 1024;
const INTERACTION_LIMIT_MS = 100;
const LOADS = 5;
const SETTLE_MS = 1_500;
/** The shortest duration that browsers report for an event. */
const EVENT_MIN_MS = 16;

function firstLoadBytes() {
  const dist = join(ROOT, "frontend", "dist");
  const html = readFileSync(join(dist, "index.html"), "utf8");
  const scripts = [...html.matchAll(/<script[^>]* src="([^"]+)"/g)].map(found => found[1]);
  return scripts.reduce((sum, name) => sum + gzipSync(readFileSync(join(dist, name))).length, 0);
}

/** Have the page receive a long conversation instead of the server's, and record the paints and interactions. */
function prepare([messages, minimum]) {
  const ask = window.fetch;
  let given = false;
  window.fetch = async (input, init) => {
    if (!/\/messages\?/.test(String(input))) return ask(input, init);
    // There are no older messages.
    if (given) return Response.json({ messages: [] });
    given = true;
    const start = Date.now() - messages * 60_000;
    return Response.json({
      messages: Array.from({ length: messages }, (_, i) => ({
        // Before all messages of the real server.
        seq: i - messages,
        id: `m${i}`,
        room: "general",
        user: { id: `u${(i >> 2) % 12}`, name: `Person ${(i >> 2) % 12}` },
        text: `Message ${i} ${"and some more words ".repeat(i % 7)}`,
        timestamp: new Date(start + i * 60_000).toISOString(),
      })),
    });
  };
  window.measured = { paint: 0, interactions: new Map(), counted: 0 };
  new PerformanceObserver(list => {
    for (const entry of list.getEntries()) window.measured.paint = entry.startTime;
  }).observe({ type: "largest-contentful-paint", buffered: true });
  new PerformanceObserver(list => {
    for (const { interactionId, duration } of list.getEntries()) {
      if (!interactionId) continue;
      const last = window.measured.interactions.get(interactionId);
      if (!last || last.duration < duration) window.measured.interactions.set(interactionId, { duration });
    }
  }).observe({ type: "event", durationThreshold: minimum, buffered: true });
}

const percentile = (sorted, share) =>
  sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];

async function throttle(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWDOWN });
}

/** What a person does, by name. Each is done with the keyboard and the mouse, so that the browser times it. */
const ACTIONS = {
  "type in the composer": async page => {
    await page.goto(`${page.portal}/#/rooms/general`);
    await page.getByRole("textbox", { name: "Type your message here" }).click();
    await page.keyboard.type("restarting it", { delay: 30 });
  },
  "send a message": async page => {
    await page.keyboard.press("Enter");
    await page.locator(".message.own").last().waitFor();
  },
  "scroll the chat with the keyboard": async page => {
    await page.locator(".virtual-list-scroll").first().click();
    for (let n = 0; n < 5; n += 1) await page.keyboard.press("PageUp");
  },
  "go to the servers": async page => {
    await page.getByRole("link", { name: "Servers" }).click();
    await page.locator(".server:not(.headings)").first().waitFor();
  },
  "filter the servers": async page => {
    const field = page.getByRole("searchbox", { name: "Find by name" });
    await field.click();
    await page.keyboard.type("ab", { delay: 30 });
    await page.keyboard.press("Backspace");
    await page.keyboard.press("Backspace");
  },
  "select servers": async page => {
    const boxes = page.locator(".server:not(.headings) input[type=checkbox]");
    for (let n = 0; n < 3; n += 1) await boxes.nth(n).click();
    for (let n = 0; n < 3; n += 1) await boxes.nth(n).click();
  },
  "open a server": async page => {
    await page.locator(".server:not(.headings) .server-name a").first().click();
    await page.getByRole("heading", { name: "History" }).waitFor();
  },
  "go to the activity": async page => {
    await page.getByRole("link", { name: "Activity" }).click();
    await page.getByRole("heading", { name: "Activity" }).waitFor();
  },
  search: async page => {
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").first().waitFor();
    await page.keyboard.type("ser", { delay: 30 });
    await page.keyboard.press("Escape");
  },
  "go to the chat": async page => {
    await page.getByRole("link", { name: "Chat", exact: false }).first().click();
    await page.locator(".message").first().waitFor();
  },
};

/** The longest delay of each interaction since the last call; those below the browser's minimum are counted as it. */
async function taken(page) {
  // Frames of the last interaction are presented, and observers run.
  await page.evaluate(() => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve, 50))));
  return page.evaluate(minimum => {
    const { interactions, counted } = window.measured;
    const found = [...interactions.values()].map(one => one.duration);
    const total = performance.interactionCount ?? counted + found.length;
    const quick = Math.max(0, total - counted - found.length);
    window.measured.counted = total;
    interactions.clear();
    return [...found, ...Array(quick).fill(minimum)];
  }, EVENT_MIN_MS);
}

async function newPage(browser) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: "en-US",
    serviceWorkers: "block",
  });
  await context.addInitScript(prepare, [MESSAGES, EVENT_MIN_MS]);
  return context.newPage();
}

async function enter(page, url, name) {
  await page.goto(url);
  await page.getByRole("textbox", { name: "Nickname" }).fill(name);
  await page.keyboard.press("Enter");
  await page.locator(".message").first().waitFor();
}

/** The times of the largest paint, of loads by a person who has a name. */
async function measureLoads(browser, url) {
  const page = await newPage(browser);
  await enter(page, url, "loader");
  await throttle(page);
  const paints = [];
  for (let n = 0; n < LOADS; n += 1) {
    await page.goto("about:blank");
    await page.goto(url);
    await page.locator(".message").first().waitFor();
    // Later paints would be larger than this one.
    await page.waitForTimeout(SETTLE_MS);
    paints.push(await page.evaluate(() => window.measured.paint));
  }
  await page.context().close();
  return paints.toSorted((a, b) => a - b);
}

async function measureInteractions(browser, url) {
  const page = await newPage(browser);
  page.portal = url;
  await enter(page, url, "worker");
  await throttle(page);
  await taken(page);
  const durations = new Map(Object.keys(ACTIONS).map(name => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, act] of Object.entries(ACTIONS)) {
      await act(page);
      durations.get(name).push(...(await taken(page)));
    }
  }
  await page.context().close();
  return durations;
}

const { path, problem } = await findChromium();
if (problem) throw new Error(problem);
const data = mkdtempSync(join(tmpdir(), "opsroom-measure-"));
const { url, stop } = await startPortal(["--data", data, "--delay", "0.5"]);
const browser = await chromium.launch({ executablePath: path });
let failed = false;
const report = (label, value, unit, limit) => {
  const exceeded = limit !== undefined && value > limit;
  failed ||= exceeded;
  const bound = limit === undefined ? "" : `  (limit ${limit}${exceeded ? ": EXCEEDED" : ""})`;
  console.log(`${label.padEnd(44)} ${value.toFixed(unit === "KB" ? 1 : 0).padStart(7)} ${unit}${bound}`);
};
try {
  // Write the events directly: the services would take minutes for as many commands.
  const filled = spawnSync(python(), ["-m", "tests.system.instances", String(SERVERS)], {
    cwd: ROOT,
    env: { ...process.env, OPSROOM_DATA: data },
    encoding: "utf8",
  });
  if (filled.status !== 0) throw new Error(filled.stderr);
  console.log(`${MESSAGES} messages, ${SERVERS} servers, processor ${SLOWDOWN} times slower\n`);
  report("scripts of the first load, gzip", firstLoadBytes() / 1024, "KB", SCRIPT_LIMIT_BYTES / 1024);
  const paints = await measureLoads(browser, url);
  report(`largest contentful paint, median of ${LOADS}`, percentile(paints, 0.5), "ms");
  const durations = await measureInteractions(browser, url);
  for (const [name, times] of durations)
    if (times.length > 0) report(`  ${name} (${times.length}), longest`, Math.max(...times), "ms");
  const all = [...durations.values()].flat().toSorted((a, b) => a - b);
  report(`interactions (${all.length}), median`, percentile(all, 0.5), "ms");
  report(`interactions (${all.length}), 95th percentile`, percentile(all, 0.95), "ms", INTERACTION_LIMIT_MS);
} finally {
  await browser.close();
  await stop();
  rmSync(data, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
