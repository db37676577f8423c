import { defineConfig } from "@playwright/test";

/** Without these a Chromium on a machine without a network waits for one. */
const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const OWN_SERVICES = /(at-ten-seconds|restart|access|sign-on|many)\.spec\.ts$/;

export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results",
  // Each worker has services of its own. Tests mostly wait, so there may be more workers than a small machine has cores.
  workers: 4,
  fullyParallel: true,
  // Those with services of another kind first: they take longest, and their workers are done with them.
  projects: [
    { name: "own services", testMatch: OWN_SERVICES },
    { name: "shared services", testIgnore: OWN_SERVICES },
  ],
  // As long as a machine that does other things as well may take; nothing waits for its end but what fails.
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: [["list"]],
  use: {
    browserName: "chromium",
    locale: "en-US",
    timezoneId: "UTC",
    viewport: { width: 1180, height: 760 },
    // To draw what moves takes as long as all else of most tests. looks.spec.ts sees it.
    contextOptions: { reducedMotion: "reduce" },
    screenshot: "only-on-failure",
    // `npm run e2e` finds the browser; empty is Playwright's own.
    launchOptions: { ...(process.env.CHROMIUM && { executablePath: process.env.CHROMIUM }), args: FLAGS },
  },
});
