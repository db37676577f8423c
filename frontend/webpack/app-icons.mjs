// The icons of the installed app and its manifest, made from the logo.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import webpack from "webpack";

/** Platforms cut masked icons to their own shape; these are square and keep the speech bubble in the safe zone. */
const ICONS = [
  { name: "icon-192.png", size: 192, purpose: "any" },
  { name: "icon-512.png", size: 512, purpose: "any" },
  { name: "icon-maskable-192.png", size: 192, purpose: "maskable" },
  { name: "icon-maskable-512.png", size: 512, purpose: "maskable" },
];
/** The icon of iOS, which takes it from the page and not from the manifest. */
const TOUCH_ICON = { name: "icon-touch-180.png", size: 180, purpose: "maskable" };
const ROUND_CORNERS = / rx="9"/;

/** All addresses are relative to the manifest's own, so that the app can be installed from any path. */
const MANIFEST = {
  name: "Opsroom",
  short_name: "Opsroom",
  description: "One room where a team talks and runs its cloud servers.",
  lang: "en",
  start_url: "./",
  scope: "./",
  display: "standalone",
  background_color: "#ffffff",
  theme_color: "#1f2a37",
  categories: ["productivity", "developer"],
  icons: ICONS.map(({ name, size, purpose }) => ({
    src: name,
    sizes: `${size}x${size}`,
    type: "image/png",
    purpose,
  })),
  shortcuts: [
    { name: "Chat", url: "./#/rooms/general" },
    { name: "Servers", url: "./#/servers" },
    { name: "Activity", url: "./#/activity" },
  ],
};

let renderer;
/** Load the renderer, once in each process. */
function loadRenderer() {
  const wasm = createRequire(import.meta.url).resolve("@resvg/resvg-wasm/index_bg.wasm");
  renderer ??= initWasm(readFileSync(wasm));
  return renderer;
}

function png(svg, { size, purpose }) {
  const drawing = purpose === "maskable" ? svg.replace(ROUND_CORNERS, "") : svg;
  return Buffer.from(new Resvg(drawing, { fitTo: { mode: "width", value: size } }).render().asPng());
}

/** Adds `manifest.json` and its icons. */
export class AppIcons {
  #logo;

  constructor(root) {
    this.#logo = join(root, "src", "icons", "logo.svg");
  }

  apply(compiler) {
    const { Compilation, sources } = webpack;
    const stage = Compilation.PROCESS_ASSETS_STAGE_ADDITIONAL;
    compiler.hooks.thisCompilation.tap("AppIcons", compilation => {
      compilation.fileDependencies.add(this.#logo);
      compilation.hooks.processAssets.tapPromise({ name: "AppIcons", stage }, async () => {
        const svg = readFileSync(this.#logo, "utf8");
        if (!ROUND_CORNERS.test(svg)) throw new Error(`${this.#logo} has no rounded ground (rx="9")`);
        await loadRenderer();
        for (const icon of [...ICONS, TOUCH_ICON])
          compilation.emitAsset(icon.name, new sources.RawSource(png(svg, icon)));
        compilation.emitAsset("manifest.json", new sources.RawSource(JSON.stringify(MANIFEST)));
      });
    });
  }
}
