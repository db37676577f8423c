import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "./portal";

const run = promisify(execFile);
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
};

/** Build the page into `folder`, for the server `api`. */
export async function buildPage(folder: string, api: string): Promise<void> {
  const args = ["webpack", "--mode", "production", "--output-path", folder];
  await run("npx", args, { cwd: join(ROOT, "frontend"), env: { ...process.env, OPSROOM_API: api } });
}

/** A site below a path that serves files only, such as GitHub Pages. */
export interface StaticSite {
  readonly url: string;
  /** Serve another folder from now on; undefined: nothing. */
  readonly serve: (folder: string | undefined) => void;
  /** The paths of all requests so far. */
  readonly paths: readonly string[];
  readonly stop: () => Promise<void>;
}

/** Serve `folder` below `/opsroom/`, at a free port. */
export async function startStaticSite(folder: string): Promise<StaticSite> {
  let current: string | undefined = folder;
  const paths: string[] = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://site");
    paths.push(pathname);
    const path = normalize(pathname).replace(/\/$/, "/index.html");
    const found =
      current && path.startsWith("/opsroom/")
        ? readFile(join(current, path.slice("/opsroom/".length)))
        : Promise.reject(new Error("not served"));
    found.then(
      content => {
        response.writeHead(200, {
          "Content-Type": TYPES[extname(path)] ?? "application/octet-stream",
          // As GitHub Pages sends it.
          "Cache-Control": "max-age=600",
        });
        response.end(request.method === "HEAD" ? undefined : content);
      },
      () => response.writeHead(404, { "Content-Type": "text/html" }).end("<h1>Another site</h1>"),
    );
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/opsroom/`,
    serve: next => {
      current = next;
    },
    paths,
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
