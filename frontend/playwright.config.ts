import { join } from "node:path";
import { defineConfig, type Project } from "@playwright/test";

/** Without most of these flags, Chromium waits for the network on machines without one. */
const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // plain-http.spec.ts uses this name. Another browser for it alone would be another worker with another portal.
  "--host-resolver-rules=MAP host.lan 127.0.0.1",
];

const OWN_SERVICES =
  /(agent|agent-failures|docker|real-delay|restart|access|people|sign-on|many-instances|prefix|dead-path|two-people|hooks|incidents|evening)\.spec\.ts$/;

/** The main paths, which are also tested in Firefox. */
const MAIN_PATHS =
  /(activity|cards|chat|cloud|files|help|history|keyboard|messages|shell|storage)\.spec\.ts$/;

/** The installed Firefox, over WebDriver BiDi: `npm run e2e:firefox` sets it. */
const firefox = process.env.FIREFOX;

const chromiumProjects: Project[] = [
  { name: "own services", testMatch: OWN_SERVICES },
  { name: "shared services", testIgnore: OWN_SERVICES },
];

/** Over BiDi, a tap is no click, and of several windows one has the focus and the others are slow. */
const NOT_OVER_BIDI = [
  /on a phone|two users chat, and closing the tab|the activity shows who did what|the commands of others are visible/,
  // Whether there is motion is set for the whole browser, below.
  /no animation with prefers-reduced-motion/,
  // The first two fail there, and it is not known yet whether because of Firefox, of BiDi or of the tests. The third
  // has not been tried.
  /everything works with the keyboard alone|with blocked site data|what a user queued and drafted/,
  // The same is true of these: the first waits without an end for a file or a download.
  /files are attached, shown in place|two people edit, react, pin and delete/,
];

const firefoxProject: Project = {
  name: "firefox",
  testMatch: MAIN_PATHS,
  grepInvert: NOT_OVER_BIDI,
  use: {
    browserName: "firefox",
    channel: "moz-firefox",
    launchOptions: {
      // Starts that Firefox.
      executablePath: join(import.meta.dirname, "scripts", "firefox-bidi.mjs"),
      args: [],
      // It has no command for this over BiDi.
      firefoxUserPrefs: { "ui.prefersReducedMotion": 1 },
    },
    contextOptions: {},
  },
};

export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results",
  // Each worker has its own services. Tests mostly wait, so there can be more workers than cores.
  workers: 4,
  fullyParallel: true,
  // Tests with special services come first, because they take the longest.
  projects: firefox ? [firefoxProject] : chromiumProjects,
  // Long enough for a busy machine; only failing tests take that long.
  timeout: 300_000,
  expect: { timeout: 60_000 },
  reporter: [["list"]],
  use: {
    browserName: "chromium",
    locale: "en-US",
    timezoneId: "UTC",
    viewport: { width: 1180, height: 760 },
    // Rendering animations would double the time of most tests; appearance.spec.ts tests with them.
    contextOptions: { reducedMotion: "reduce" },
    // A worker would answer requests that tests watch or change; offline.spec.ts tests with it.
    serviceWorkers: "block",
    screenshot: "only-on-failure",
    // Set by `npm run e2e`; empty: Playwright's own browser.
    launchOptions: { ...(process.env.CHROMIUM && { executablePath: process.env.CHROMIUM }), args: FLAGS },
  },
});
