// Writes the list of the page's files into the service worker, once all names and contents are final.
import { createHash } from "node:crypto";
import webpack from "webpack";

export const WORKER = "service-worker.js";
const PLACEHOLDER = /(["'`])%PRECACHE%\1/;
const KEPT = /\.(html|js|css|woff2|svg)$|^manifest\.json$/;
/** Without the documentation, which is too large to store on each device. */
const LEFT_OUT = /^docs\/|^service-worker\.js$/;

const integrity = content => `sha256-${createHash("sha256").update(content).digest("base64")}`;

/** Replaces `"%PRECACHE%"` in the service worker by the JSON of each file's path and integrity. */
export class Precache {
  apply(compiler) {
    const { Compilation, sources } = webpack;
    // After the names have the hashes of the final content, and before the compressed forms are made.
    const stage = Compilation.PROCESS_ASSETS_STAGE_OPTIMIZE_HASH + 1;
    compiler.hooks.thisCompilation.tap("Precache", compilation => {
      compilation.hooks.processAssets.tap({ name: "Precache", stage }, assets => {
        const names = Object.keys(assets)
          .filter(name => KEPT.test(name) && !LEFT_OUT.test(name))
          .sort();
        const files = Object.fromEntries(names.map(name => [name, integrity(assets[name].buffer())]));
        const text = assets[WORKER].source().toString();
        if (!PLACEHOLDER.test(text)) throw new Error(`${WORKER} has no place for the list of files`);
        const list = JSON.stringify(JSON.stringify(files));
        compilation.updateAsset(WORKER, new sources.RawSource(text.replace(PLACEHOLDER, () => list)));
      });
    });
  }
}
