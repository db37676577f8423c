// Finds an installed Chromium, or has Playwright download its own.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "@playwright/test";

/** In order of preference: the headless shell takes half the time of the others. */
const COMMANDS = [
  "chromium-headless-shell",
  "chromium",
  "chromium-browser",
  "google-chrome",
  "google-chrome-stable",
];
const MAC_PROGRAMS = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];
const DOWNLOAD_WITHIN_MS = 300_000;
const LAUNCH_WITHIN_MS = 60_000;

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function installed() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const candidates = COMMANDS.flatMap(command => folders.map(folder => join(folder, command)));
  return [...candidates, ...MAC_PROGRAMS].find(isProgram);
}

/** Why a browser doesn't start, in one line; undefined if it does. */
async function trouble(executablePath) {
  try {
    const browser = await chromium.launch({ executablePath, timeout: LAUNCH_WITHIN_MS });
    await browser.close();
    return undefined;
  } catch (error) {
    return String(error.message).split("\n")[0];
  }
}

function downloaded() {
  // If it is already downloaded, this needs no network and prints nothing.
  const { status } = spawnSync("npx", ["playwright", "install", "--only-shell", "chromium"], {
    stdio: "inherit",
    timeout: DOWNLOAD_WITHIN_MS,
  });
  return status === 0;
}

/**
 * Find the browser to use. `path` is undefined for Playwright's own; `problem` is set if there is none.
 * If `CHROMIUM` names a browser, no other is tried.
 */
export async function findChromium() {
  const named = process.env.CHROMIUM;
  const path = named || installed();
  if (path) {
    const problem = await trouble(path);
    if (!problem || named) return { path, problem: problem && `${path} doesn't start: ${problem}` };
  }
  if (!downloaded()) return { problem: "none is installed, and Playwright's own can't be downloaded" };
  const problem = await trouble(undefined);
  return { problem: problem && `Playwright's own doesn't start: ${problem}` };
}
