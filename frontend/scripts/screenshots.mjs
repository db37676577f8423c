// Takes the screenshots of the README and of the documentation, from a real portal: `npm run screenshots [name…]`.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "@playwright/test";
import { findChromium } from "./chromium.mjs";
import { fill, invite, makeHook, post, request, until } from "./fill.mjs";
import { python, ROOT, startPortal } from "./portal.mjs";
import { fillRooms } from "./screenshot-rooms.mjs";

const folder = join(ROOT, "docs", "images");
const DELAY_SECONDS = 10;
const SCREEN = { width: 1200, height: 700 };
/** Sharp on most screens, at about 150 KB a picture. */
const SCALE = 1.5;

async function enter(page, url) {
  await page.goto(url);
  await page.getByRole("textbox", { name: "Nickname" }).fill("marina");
  await page.keyboard.press("Enter");
  await page.getByText("You", { exact: true }).first().waitFor();
}

/** Freeze the process of a service, as one that hangs. */
function freeze(child, service) {
  const { stdout } = spawnSync("pgrep", ["-f", "-P", String(child.pid), service], { encoding: "utf8" });
  const pids = stdout.trim().split("\n").filter(Boolean).map(Number);
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  if (pids.length === 0) throw new Error(`no process of ${service}`);
  return () => {
    for (const pid of pids) process.kill(pid, "SIGCONT");
  };
}

/** What monitoring reports, as a card in the room. */
const ALERT = {
  key: "web-2-latency",
  status: "firing",
  title: "web-2 answers slowly",
  severity: "warning",
  text: "The 95th percentile has been above **2 s** for 5 minutes.",
  fields: [
    { name: "Check", value: "http-latency" },
    { name: "Now", value: "2.7 s" },
  ],
};

/** Post the alert as the program that monitors the servers. */
async function alert(url) {
  const address = makeHook(url, "alertmanager");
  // The command blocked this process meanwhile: let it notice which connections the portal has closed.
  await new Promise(resolve => setTimeout(resolve, 100));
  const response = await fetch(`${address}/json`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(ALERT),
  });
  if (!response.ok) throw new Error(`the hook: ${response.status} ${await response.text()}`);
}

/** Each picture: what is shown on a page of marina, in a portal that is filled. They are taken in this order. */
const PICTURES = {
  chat: async ({ page, url }) => {
    await page.goto(`${url}/#/rooms/general`);
    await page.locator(".message").first().waitFor();
    await alert(url);
    await page.locator(".card", { hasText: ALERT.title }).waitFor();
    await page.getByRole("textbox", { name: "Type your message here" }).fill("/restart web-2");
    await page.keyboard.press("Enter");
    await page.locator(".card").getByRole("button", { name: /^Undo/ }).first().waitFor();
    await page.mouse.move(0, 0);
  },
  "chat-dark": async ({ page }) => {
    await page.emulateMedia({ colorScheme: "dark" });
    return () => page.emulateMedia({ colorScheme: "light" });
  },
  dashboard: async ({ page, url, people }) => {
    await page.goto(`${url}/#/servers`);
    await page.getByText("web-1").first().waitFor();
    await post(url, "/cloud/instances/web-1/restart", people.olga.token);
    await page.getByRole("button", { name: /^Undo/ }).first().waitFor();
  },
  "who-did-what": async ({ page, url }) => {
    await page.goto(`${url}/#/activity?who=ivan`);
    await page.locator("main").getByText("build-1", { exact: true }).first().waitFor();
  },
  "back-up": async ({ page, url }) => {
    await page.goto(`${url}/#/status`);
    await page.locator(".verdict", { hasText: "All services are running." }).waitFor();
    await page.getByText("Streams").first().waitFor();
  },
  // From here on, the page is that of an admin.
  "invite-people": async ({ page, url }) => {
    await page.goto(invite(url, "anna", "admin"));
    await page.getByRole("dialog").getByRole("button", { name: "Sign in" }).click();
    await page.locator(".account", { hasText: "anna" }).waitFor();
    invite(url, "nina", "operator");
    await page.goto(`${url}/#/people`);
    await page.getByRole("row", { name: /nina/ }).waitFor();
  },
  "when-down": async ({ page, url, child }) => {
    const resume = freeze(child, "opsroom_chat");
    await page.goto(`${url}/#/status`);
    await page.locator(".verdict", { hasText: "Not running: chat." }).waitFor({ timeout: 60_000 });
    return resume;
  },
};

const PROVIDER_SERVERS = [
  ["ivan", "web-1", "small", { env: "prod", web: "" }],
  ["ivan", "web-2", "small", { env: "prod", web: "" }],
  ["olga", "db-1", "large", { env: "prod" }],
  ["petr", "build-1", "small", { ci: "" }],
];
/** Lets the servers of the simulated provider have run for some minutes, so that their charts have a past. */
const AGE = `
import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=10) as state:
    state.execute("update servers set began_at = began_at - 1020")
`;

/** The page with servers of an agent, in a separate portal, because its pictures show the agent everywhere. */
async function takeProvider(browser) {
  const data = mkdtempSync(join(tmpdir(), "opsroom-screenshots-"));
  const options = ["--data", data, "--delay", "1", "--agent", "simulated"];
  const { url, stop } = await startPortal(options, { AGENT_NAME: "host-a", AGENT_SIMULATED_LOG_RATE: "0.4" });
  try {
    const people = {};
    for (const name of ["ivan", "olga", "petr"])
      people[name] = (await post(url, "/chat/users", undefined, { name })).token;
    for (const [who, name, template, labels] of PROVIDER_SERVERS)
      await post(url, "/cloud/instances", people[who], {
        ...{ name, labels, start: true },
        template: `host-a/${template}`,
      });
    await until(async () => {
      const { instances } = await request(url, "/cloud/instances");
      return instances.filter(one => one.state === "running").length === PROVIDER_SERVERS.length;
    }, "all servers run");
    spawnSync(python(), ["-c", AGE, join(data, "agent", "state", "simulated.db")], { stdio: "inherit" });
    const page = await openPage(browser);
    await enter(page, url);
    await page.setViewportSize({ width: 1440, height: 760 });
    await page.goto(`${url}/#/servers/web-1`);
    const charts = page.locator(".sparkline");
    await until(async () => (await charts.count()) >= PROVIDER_SERVERS.length + 2, "all charts");
    await page.locator(".log-line").nth(8).waitFor();
    await page.locator("#panel-title").blur();
    await page.screenshot({ path: join(folder, "provider.png") });
    console.log("docs/images/provider.png");
  } finally {
    await stop();
    rmSync(data, { recursive: true, force: true });
  }
}

const openPage = browser =>
  browser.newPage({
    viewport: SCREEN,
    deviceScaleFactor: SCALE,
    locale: "en-US",
    timezoneId: "UTC",
    reducedMotion: "reduce",
    serviceWorkers: "block",
  });

const wanted = process.argv.slice(2);
const names = [...Object.keys(PICTURES), "provider"];
const unknown = wanted.filter(name => !names.includes(name));
if (unknown.length > 0) throw new Error(`no picture ${unknown}; there are ${names}`);
const { path, problem } = await findChromium();
if (problem) throw new Error(problem);
const browser = await chromium.launch({ executablePath: path });
if (wanted.length === 0 || wanted.includes("provider")) await takeProvider(browser);
if (wanted.length === 1 && wanted[0] === "provider") {
  await browser.close();
  process.exit(0);
}
const { url, child, stop } = await startPortal(["--ephemeral", "--delay", String(DELAY_SECONDS)]);
try {
  const background = await browser.newPage();
  await background.goto(`${url}/docs/`);
  const people = await fill(url, background);
  const page = await openPage(browser);
  await enter(page, url);
  const { users } = await request(url, "/chat/users");
  const marina = users.find(one => one.name === "marina").id;
  await fillRooms({ request, url, background, people, marina });
  for (const [name, show] of Object.entries(PICTURES)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const finish = await show({ page, url, people, child });
    await page.evaluate(() => document.fonts.ready);
    await page.screenshot({ path: join(folder, `${name}.png`) });
    await finish?.();
    console.log(`docs/images/${name}.png`);
  }
} finally {
  await browser.close();
  await stop();
}
process.exit(0);
