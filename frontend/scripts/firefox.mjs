// Finds an installed Firefox, which Playwright controls over WebDriver BiDi.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { firefox } from "@playwright/test";

const COMMANDS = ["firefox-esr", "firefox"];
const MAC_PROGRAM = "/Applications/Firefox.app/Contents/MacOS/firefox";
const LAUNCH_WITHIN_MS = 60_000;

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Find the Firefox to use, or the one that `FIREFOX` names. `problem` is set if there is none, or if it doesn't start.
 * Playwright's own build is not used: it is not the browser that people have.
 */
export async function findFirefox() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const candidates = COMMANDS.flatMap(command => folders.map(folder => join(folder, command)));
  const path = process.env.FIREFOX || [...candidates, MAC_PROGRAM].find(isProgram);
  if (!path) return { problem: "none is installed" };
  try {
    const browser = await firefox.launch({
      channel: "moz-firefox",
      executablePath: join(import.meta.dirname, "firefox-bidi.mjs"),
      env: { ...process.env, FIREFOX: path },
      timeout: LAUNCH_WITHIN_MS,
    });
    await browser.newContext();
    await browser.close();
    return { path };
  } catch (error) {
    return { problem: `${path} doesn't start: ${String(error.message).split("\n")[0]}` };
  }
}
