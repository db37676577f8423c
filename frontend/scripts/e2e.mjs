// Runs the browser tests. Without a browser, prints how to get one, and fails in CI; elsewhere the exit code is 77,
// which `./opsroom test` reports as skipped.
import { spawnSync } from "node:child_process";
import { findChromium } from "./chromium.mjs";

const SKIPPED = 77;

const { path, problem } = await findChromium();
if (problem) {
  console.error(
    [
      "",
      `NOT TESTED IN A BROWSER: there is no Chromium that can be used (${problem}).`,
      "Get one in one of these ways, and run this again:",
      "  Debian            apt-get install chromium",
      "  Ubuntu, others    npx playwright install --with-deps chromium   (in frontend/)",
      "  macOS             install Google Chrome",
      "  any other place   CHROMIUM=/path/to/chromium",
      "",
    ].join("\n"),
  );
  process.exit(process.env.CI ? 1 : SKIPPED);
}
const { status } = spawnSync("npx", ["playwright", "test", ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { ...process.env, CHROMIUM: path ?? "" },
});
process.exit(status ?? 1);
