/** The server that the page uses: a base address, or the mock server of the demo. */
export type Address = { readonly kind: "server"; readonly base: string } | { readonly kind: "demo" };

export const DEMO: Address = { kind: "demo" };

const HAS_SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;
const IS_LOCAL = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|\/|$)/i;

/** Parse a typed address; undefined if it isn't an http or https address that the page can use. */
export function parseAddress(typed: string): Address | undefined {
  const text = typed.trim();
  if (text === "demo") return DEMO;
  let url: URL;
  try {
    const scheme = HAS_SCHEME.test(text) ? "" : IS_LOCAL.test(text) ? "http://" : "https://";
    url = new URL(scheme + text);
  } catch {
    return undefined;
  }
  // Reject credentials in an address: they would end up in shared links.
  if (!["http:", "https:"].includes(url.protocol) || url.username || url.password) return undefined;
  return { kind: "server", base: url.origin + url.pathname.replace(/\/+$/, "") };
}

/** The folder of the page at `url`, as a base address: a proxy may serve the portal below a path. */
export const homeOf = (url: string): string => new URL(".", url).href.replace(/\/+$/, "");

interface AddressSources {
  readonly query: URLSearchParams;
  readonly stored: string | undefined;
  readonly built: string | undefined;
  /** The page's own folder, see `homeOf`. */
  readonly home: string;
  /** Base addresses of the servers that the user has confirmed. */
  readonly trusted: readonly string[];
}

export interface AddressChoice {
  readonly address: Address;
  /** Only the link names this server. The link may be malicious, so the page asks before it sends anything. */
  readonly untrusted: boolean;
}

/** Choose the server: the link's, else the one in the settings, else the one of the build, else the page's own. */
export function chooseAddress({ query, stored, built, home, trusted }: AddressSources): AddressChoice {
  if (query.has("demo")) return { address: DEMO, untrusted: false };
  const own = [stored, built].map(one => (one ? parseAddress(one) : undefined)).find(Boolean);
  const usual = own ?? { kind: "server", base: home };
  const address = parseAddress(query.get("api") ?? "") ?? usual;
  const known = [...trusted, home, addressLabel(usual), built];
  return { address, untrusted: address.kind === "server" && !known.includes(address.base) };
}

/** A short name of the server, for display and as a key in browser storage. */
export const addressLabel = (address: Address): string => (address.kind === "demo" ? "demo" : address.base);

/** Whether browsers block requests from `origin` to `base` as mixed content: https pages may only use https. */
export const isMixed = (origin: string, base: string): boolean =>
  origin.startsWith("https:") &&
  base.startsWith("http:") &&
  !/^http:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|\/|$)/.test(base);
