import { readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import esbuildLoader from "esbuild-loader";
import HtmlWebpackPlugin from "html-webpack-plugin";
import MiniCssExtractPlugin from "mini-css-extract-plugin";
import webpack from "webpack";
import { AppIcons } from "./webpack/app-icons.mjs";
import { buildId } from "./webpack/build-id.mjs";
import { Precache, WORKER } from "./webpack/precache.mjs";

const root = import.meta.dirname;
const FIRST_LOAD_MAX_BYTES = 50 * 1024;
const TARGET = "es2022";

/** Fails the build if the scripts of the first load exceed their size limit after gzip. */
class FirstLoadBudget {
  apply(compiler) {
    compiler.hooks.afterEmit.tap("FirstLoadBudget", compilation => {
      const scripts = compilation.entrypoints
        .get("main")
        .getFiles()
        .filter(file => file.endsWith(".js"));
      const size = scripts
        .map(file => gzipSync(readFileSync(join(compilation.outputOptions.path, file))).length)
        .reduce((sum, one) => sum + one, 0);
      const output = `first load: ${(size / 1024).toFixed(1)} KB of script after gzip, of ${FIRST_LOAD_MAX_BYTES / 1024} KB`;
      if (size > FIRST_LOAD_MAX_BYTES) compilation.errors.push(new webpack.WebpackError(output));
      else console.log(output);
    });
  }
}

/** The page of the documentation, as long as that is not built: a link to `address`, where it is public. */
const docsPlaceholder = address => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
${address ? `<meta http-equiv="refresh" content="0; url=${address}">` : ""}
<title>Opsroom: documentation</title>
<h1>Documentation</h1>
<p>${
  address
    ? `It is at <a href="${address}">${address}</a>.`
    : "This page was built without it. It is in the folder <code>docs</code> of the repository, where <code>./opsroom up</code> adds it."
}</p>
</html>
`;
/** Adds a compressed form of each text, so that servers need no time for it. */
class CompressedForms {
  apply(compiler) {
    const { Compilation, sources } = webpack;
    const stage = Compilation.PROCESS_ASSETS_STAGE_OPTIMIZE_TRANSFER;
    compiler.hooks.thisCompilation.tap("CompressedForms", compilation => {
      compilation.hooks.processAssets.tap({ name: "CompressedForms", stage }, assets => {
        for (const name of Object.keys(assets).filter(name => /\.(html|js|css|svg)$/.test(name))) {
          const text = assets[name].buffer();
          compilation.emitAsset(`${name}.gz`, new sources.RawSource(gzipSync(text, { level: 9 })));
          compilation.emitAsset(`${name}.br`, new sources.RawSource(brotliCompressSync(text)));
        }
      });
    });
  }
}

/** Adds the license of the font, which has to be passed on with it. */
class FontLicense {
  apply(compiler) {
    const { Compilation, sources } = webpack;
    const stage = Compilation.PROCESS_ASSETS_STAGE_ADDITIONAL;
    compiler.hooks.thisCompilation.tap("FontLicense", compilation => {
      compilation.hooks.processAssets.tap({ name: "FontLicense", stage }, () => {
        const text = readFileSync(join(root, "node_modules/@fontsource-variable/inter/LICENSE"));
        compilation.emitAsset("inter-license.txt", new sources.RawSource(text));
      });
    });
  }
}

export default (_env, { mode }) => {
  const isProduction = mode === "production";
  const gateway = process.env.OPSROOM_GATEWAY ?? "http://127.0.0.1:8000";
  const api = process.env.OPSROOM_API ?? "";
  const hashed = isProduction ? "[name].[contenthash:10].js" : "[name].js";
  return {
    context: root,
    entry: {
      main: "./src/main.tsx",
      // The development server has none: it would serve old files.
      ...(isProduction && { worker: "./src/service-worker/service-worker.ts" }),
    },
    devtool: "source-map",
    output: {
      path: join(root, "dist"),
      // Browsers look for an update of the service worker at the address that they know.
      filename: ({ chunk }) => (chunk?.name === "worker" ? WORKER : hashed),
      chunkFilename: hashed,
      assetModuleFilename: "[name].[hash:10][ext]",
      // Relative, so that the page works at any path: at a gateway's root and on GitHub Pages.
      publicPath: isProduction ? "" : "/",
      clean: true,
    },
    resolve: { extensions: [".tsx", ".ts", ".js"] },
    module: {
      rules: [
        {
          test: /\.tsx?$/,
          loader: "esbuild-loader",
          options: { target: TARGET, jsx: "automatic", jsxImportSource: "preact", charset: "utf8" },
        },
        { test: /\.css$/, use: [MiniCssExtractPlugin.loader, "css-loader"] },
        { test: /\.woff2$/, type: "asset/resource" },
        { test: /\.svg$/, type: "asset", parser: { dataUrlCondition: { maxSize: 2048 } } },
      ],
    },
    optimization: {
      minimizer: [new esbuildLoader.EsbuildPlugin({ target: TARGET, css: true, charset: "utf8" })],
    },
    plugins: [
      new HtmlWebpackPlugin({ template: "./src/index.html", chunks: ["main"], scriptLoading: "defer" }),
      // Where the documentation belongs; replaced by it if it is built, too. OPSROOM_DOCS: where it is public.
      new HtmlWebpackPlugin({
        templateContent: docsPlaceholder(process.env.OPSROOM_DOCS),
        filename: "docs/index.html",
        inject: false,
      }),
      new MiniCssExtractPlugin({ filename: isProduction ? "[name].[contenthash:10].css" : "[name].css" }),
      new webpack.DefinePlugin({
        OPSROOM_API: JSON.stringify(api),
        OPSROOM_BUILD: JSON.stringify(buildId(root, { api })),
        OPSROOM_WORKER: JSON.stringify(isProduction ? WORKER : ""),
      }),
      new FontLicense(),
      new AppIcons(root),
      ...(isProduction ? [new Precache(), new FirstLoadBudget(), new CompressedForms()] : []),
    ],
    performance: { hints: false },
    devServer: {
      port: Number(process.env.PORT ?? 8080),
      hot: true,
      // Compression would buffer the event stream.
      compress: false,
      proxy: [
        {
          context: ["/api", "/chat", "/cloud", "/healthz", "/readyz"],
          target: gateway,
          ws: true,
          changeOrigin: true,
        },
      ],
      client: { overlay: { errors: true, warnings: false, runtimeErrors: false } },
    },
    stats: isProduction ? "errors-warnings" : "minimal",
  };
};
