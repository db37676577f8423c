/** The file of the page itself, and the path at which it is served. */
export const PAGE = "index.html";
/** As the build names files whose content never changes; see webpack.config.mjs. */
const HASHED = /^[\w-]+\.[0-9a-f]{10}\.\w+$/;

/** What the decision needs of a `Request`. */
export interface Asked {
  readonly method: string;
  readonly mode: string;
  readonly url: string;
}

/**
 * The file of the page that a request is for, relative to `scope`; undefined if the request belongs to the network.
 *
 * Only these files are ever stored. Everything else, such as the API, event streams, the documentation and other hosts,
 * passes by: its data and tokens are in no cache.
 */
export function keptFile(
  { method, mode, url }: Asked,
  scope: string,
  files: ReadonlySet<string>,
): string | undefined {
  const { href } = new URL(url);
  if (method !== "GET" || !href.startsWith(scope)) return undefined;
  const path = href.slice(scope.length).replace(/[?#].*$/s, "");
  // The query of a page may name a server or come back from the sign-in service; the file is the same.
  if (mode === "navigate") return path === "" || path === PAGE ? PAGE : undefined;
  if (href !== scope + path) return undefined;
  // A page that was opened before an update loads parts that the new list does not have.
  return files.has(path) || HASHED.test(path) ? path : undefined;
}

/** Whether the content of a file never changes. */
export const isHashed = (path: string): boolean => HASHED.test(path);
