// Takes every screen, of each width and in both themes: `npm run screens [set…]`, such as dark-390, after
// `npm run build`. They are in `.opsroom/screens/SET`, to be looked at; no test compares them.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "@playwright/test";
import { findChromium } from "./chromium.mjs";
import { fill, invite, post, request } from "./fill.mjs";
import { ROOT, startPortal } from "./portal.mjs";
import { fillRooms } from "./screenshot-rooms.mjs";

const WIDTHS = { 1440: 800, 1280: 800, 768: 1024, 390: 844 };
const SETS = ["light", "dark"].flatMap(theme => Object.keys(WIDTHS).map(width => `${theme}-${width}`));
const SEARCH = "Control+k";
/** What has to be drawn is waited for; what moves on has this long. */
const SETTLE_MS = 250;

const field = page => page.getByRole("textbox", { name: "Type your message here" });
const at = (path, ready) => async place => {
  await place.page.goto(`${place.url}/${typeof path === "function" ? path(place) : path}`);
  if (ready) await place.page.locator(ready).first().waitFor();
};
const dialog = name => async place => {
  await place.page.evaluate(() => document.activeElement?.blur());
  await place.page.getByRole("button", { name, exact: true }).first().click();
  await place.page.locator("dialog[open]").waitFor();
};
const fromMenu = name => async place => {
  await place.page.locator(".account").click();
  await place.page.locator(".account-menu").getByRole("button", { name }).click();
  await place.page.locator("dialog[open]").waitFor();
};
const say =
  text =>
  async ({ page }) => {
    await field(page).fill(text);
    // A list of suggestions takes the Enter key, and on a phone it breaks the line.
    await page.getByRole("button", { name: "Send" }).click();
  };
const both =
  (...steps) =>
  async place => {
    for (const step of steps) await step(place);
  };
const general = at("#/rooms/general", ".inline-image img");
const servers = at("#/servers", ".server:not(.headings)");
const open = async ({ page, url }) => {
  await page.goto(`${url}/#/rooms`);
  await page.getByRole("button", { name: "New room" }).waitFor();
};

/** Each screen: what leads to it. Open dialogs and menus are closed before the next. */
const SCREENS = {
  join: async ({ stranger, url }) => {
    await stranger.goto(url);
    await stranger.getByRole("textbox", { name: "Nickname" }).waitFor();
    return stranger;
  },
  chat: general,
  hover: both(general, async ({ page }) => page.locator(".message").nth(1).hover()),
  "message-menu": both(general, async ({ page }) => {
    await page.locator(".message").nth(1).hover();
    await page.locator(".message-actions").getByRole("button", { name: "More actions" }).click();
  }),
  emoji: both(general, async ({ page }) => page.locator(".emoji-button").click()),
  completion: both(
    at(({ room }) => `#/rooms/${room}`),
    async ({ page }) => {
      await field(page).click();
      await page.keyboard.type("/");
      await page.getByRole("listbox").waitFor();
    },
  ),
  "completion-argument": async ({ page }) => {
    await page.keyboard.type("restart ");
    await page.getByRole("option", { name: /web-1/ }).waitFor();
    await field(page).fill("");
  },
  command: async place => {
    await say("/restart web-1")(place);
    await place.page.locator(".card").getByRole("button", { name: /^Undo/ }).first().waitFor();
  },
  ps: async place => {
    await say("/ps")(place);
    await place.page.locator(".card", { hasText: "5 servers" }).last().waitFor();
  },
  thread: at(({ thread }) => `#/rooms/general?thread=${thread}`, ".panel.thread .message"),
  threads: at("#/threads", ".threads-view .placeholder"),
  details: at("#/rooms/general?details", ".room-level"),
  "room-details": at(({ rooms }) => `#/rooms/${rooms.deploys}?details`, ".room-member"),
  "new-room": both(open, dialog("New room")),
  rooms: open,
  browse: both(open, dialog("Browse rooms")),
  direct: both(open, dialog("New direct message")),
  person: at("#/people/ivan", ".panel .happening"),
  "empty-room": at(({ quiet }) => `#/rooms/${quiet}`, ".empty-room"),
  "no-room": at("#/rooms/nowhere", ".room.placeholder h1"),
  servers,
  bulk: both(servers, async ({ page }) => {
    for (const n of [0, 1]) await page.locator(".server:not(.headings) input[type=checkbox]").nth(n).click();
  }),
  menu: async ({ page }) => page.locator(".server:not(.headings) [aria-haspopup=menu]").nth(1).click(),
  create: both(servers, dialog("Create server")),
  schedules: both(servers, dialog("Schedules")),
  server: at("#/servers/web-1", ".history .log-entry"),
  edit: async ({ page }) => page.locator(".fact-labels button", { hasText: "Edit" }).click(),
  worklog: at("#/servers?log", ".log-entry"),
  activity: at("#/activity", ".happening"),
  incidents: at("#/incidents", "main h1"),
  people: at("#/people", ".people-table"),
  invite: both(at("#/people", ".people-table"), dialog("Invite")),
  bot: both(at("#/people", ".people-table"), dialog("Create a bot")),
  hooks: at("#/hooks", ".hooks-empty"),
  "new-hook": both(at("#/hooks", ".hooks-empty"), dialog("New hook")),
  status: at("#/status", ".status-part"),
  search: async ({ page }) => {
    await page.keyboard.press(SEARCH);
    await page.getByRole("combobox").first().waitFor();
    await page.keyboard.type("web");
    await page.locator(".palette-message").first().waitFor();
  },
  keys: both(servers, async ({ page }) => {
    await page.keyboard.press("?");
    await page.locator(".keys").waitFor();
  }),
  account: both(general, async ({ page }) => {
    await page.locator(".account").click();
    await page.locator(".account-menu .menu-item").first().waitFor();
  }),
  settings: both(general, fromMenu("Settings")),
  notifications: both(general, fromMenu("Notifications")),
  device: both(general, fromMenu("Use on another device")),
  gallery: both(general, async ({ page }) => {
    await page.locator(".inline-image").first().click();
    await page.locator(".gallery-image img").waitFor();
  }),
  "demo-servers": async ({ stranger, url }) => {
    await stranger.goto(`${url}/?demo#/servers`);
    await stranger.locator(".server:not(.headings)").first().waitFor();
    return stranger;
  },
  "demo-server": async ({ stranger, url }) => {
    await stranger.goto(`${url}/?demo#/servers/web-1`);
    await stranger.locator(".log-line").first().waitFor();
    return stranger;
  },
};

/** Take the screens of a set; returns which could not be taken. */
async function take(set, place, newPage) {
  const [theme, width] = set.split("-");
  const folder = join(ROOT, ".opsroom", "screens", set);
  mkdirSync(folder, { recursive: true });
  const look = {
    viewport: { width: Number(width), height: WIDTHS[width] },
    colorScheme: theme,
    locale: "en-US",
    reducedMotion: "reduce",
    serviceWorkers: "block",
    hasTouch: Number(width) < 600,
    isMobile: Number(width) < 600,
  };
  const [page, stranger] = [await newPage(look, true), await newPage(look, false)];
  page.setDefaultTimeout(10_000);
  stranger.setDefaultTimeout(10_000);
  const missing = [];
  for (const [n, [name, show]] of Object.entries(SCREENS).entries()) {
    const file = `${String(n + 1).padStart(2, "0")}-${name}.png`;
    try {
      const shown = (await show({ ...place, page, stranger })) ?? page;
      await shown.waitForTimeout(SETTLE_MS);
      await shown.screenshot({ path: join(folder, file) });
    } catch (error) {
      missing.push(`${set} ${file}: ${String(error.message).split("\n")[0]}`);
    }
    // The menu of the selected servers and the arguments of a command come after what they belong to.
    if (!["completion", "bulk", "server"].includes(name)) await page.keyboard.press("Escape");
  }
  await page.context().close();
  await stranger.context().close();
  return missing;
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter(name => !SETS.includes(name));
if (unknown.length > 0) throw new Error(`no set ${unknown}; there are ${SETS}`);
const { path, problem } = await findChromium();
if (problem) throw new Error(problem);
const browser = await chromium.launch({ executablePath: path });
const { url, stop } = await startPortal(["--ephemeral", "--delay", "8"]);
const missing = [];
try {
  const background = await browser.newPage();
  await background.goto(`${url}/docs/`);
  const people = await fill(url, background);
  const first = await (await browser.newContext({ locale: "en-US" })).newPage();
  await first.goto(invite(url, "marina", "admin"));
  await first.locator(".account", { hasText: "marina" }).waitFor();
  const { users } = await request(url, "/chat/users");
  const marina = users.find(one => one.name === "marina").id;
  const { rooms, thread } = await fillRooms({ request, url, background, people, marina });
  const newRoom = async name => {
    const made = await post(url, "/chat/rooms", people.olga.token, { name, description: "", private: true });
    await post(url, `/chat/rooms/${made.id}/invite`, people.olga.token, { users: [marina] });
    return made.id;
  };
  const quiet = await newRoom("quiet");
  const storageState = await first.context().storageState();
  await first.context().close();
  const newPage = async (look, isKnown) =>
    (await browser.newContext({ ...look, ...(isKnown && { storageState }) })).newPage();
  for (const set of wanted.length > 0 ? wanted : SETS) {
    // Commands are said in a room of the set, so that each set shows the same.
    const room = await newRoom(`ops-${set}`);
    missing.push(...(await take(set, { url, rooms, thread, quiet, room }, newPage)));
    console.log(`.opsroom/screens/${set}`);
  }
} finally {
  await browser.close();
  await stop();
}
for (const one of missing) console.error(one);
process.exit(missing.length > 0 ? 1 : 0);
