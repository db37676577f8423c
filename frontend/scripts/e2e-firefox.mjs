// Runs the browser tests of the main paths in Firefox. Without a Firefox, prints how to get one; the exit code is then
// 77, which `./opsroom test` reports as skipped.
import { spawnSync } from "node:child_process";
import { findFirefox } from "./firefox.mjs";

const SKIPPED = 77;

const { path, problem } = await findFirefox();
if (problem) {
  console.error(
    [
      "",
      `NOT TESTED IN FIREFOX: there is no Firefox that can be used (${problem}).`,
      "  Debian            apt-get install firefox-esr",
      "  others            install Firefox, or FIREFOX=/path/to/firefox",
      "",
    ].join("\n"),
  );
  process.exit(SKIPPED);
}
const { status } = spawnSync("npx", ["playwright", "test", ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { ...process.env, FIREFOX: path },
});
process.exit(status ?? 1);
