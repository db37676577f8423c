import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const SOURCES = ["src", "webpack"];
const NOT_BUILT = /\.test\.tsx?$|^src\/testing\//;

/**
 * Return an identifier of the build, from everything that it is made of. A hash instead of the build time, so that
 * builds are reproducible: tabs with the same one share their state, and a service worker with another one has a
 * newer page.
 *
 * `environment`: variables that the build reads.
 */
export function buildId(root, environment) {
  const hash = createHash("sha256");
  const paths = SOURCES.flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1)),
  );
  for (const path of [...paths, "package-lock.json", "webpack.config.mjs"].sort()) {
    if (NOT_BUILT.test(path)) continue;
    hash.update(`${path}\n`).update(readFileSync(join(root, path)));
  }
  return hash.update(JSON.stringify(environment)).digest("hex").slice(0, 12);
}
