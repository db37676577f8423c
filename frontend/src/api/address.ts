/** Where the page talks to: a server's base address, or the simulated backend. */
export type Address = { readonly kind: "server"; readonly base: string } | { readonly kind: "demo" };

export const DEMO: Address = { kind: "demo" };

const HAS_SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;
const IS_LOCAL = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|\/|$)/i;

/** Read an address as a person types it; undefined where it is none that a page may talk to. */
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
  // Credentials in an address would end up in links that people share.
  if (!["http:", "https:"].includes(url.protocol) || url.username || url.password) return undefined;
  return { kind: "server", base: url.origin + url.pathname.replace(/\/+$/, "") };
}

interface AddressSources {
  readonly query: URLSearchParams;
  readonly stored: string | undefined;
  readonly built: string | undefined;
  readonly origin: string;
  /** Servers that the reader of a link has agreed to, as base addresses. */
  readonly trusted: readonly string[];
}

export interface AddressChoice {
  readonly address: Address;
  /** Only the link says so: whoever made it may mean no good, so nothing is sent before the reader agrees. */
  readonly untrusted: boolean;
}

/** What the link says wins over what was chosen here, which wins over what was built in. */
export function chooseAddress({ query, stored, built, origin, trusted }: AddressSources): AddressChoice {
  if (query.has("demo")) return { address: DEMO, untrusted: false };
  const own = [stored, built].map(one => (one ? parseAddress(one) : undefined)).find(Boolean);
  const usual = own ?? { kind: "server", base: origin };
  const address = parseAddress(query.get("api") ?? "") ?? usual;
  const known = [...trusted, origin, addressLabel(usual), built];
  return { address, untrusted: address.kind === "server" && !known.includes(address.base) };
}

/** A short name of the address, to key what the browser keeps and to show. */
export const addressLabel = (address: Address): string => (address.kind === "demo" ? "demo" : address.base);

/** Whether a browser blocks a page of this origin from talking to `base`: https may only talk to https. */
export const isMixed = (origin: string, base: string): boolean =>
  origin.startsWith("https:") &&
  base.startsWith("http:") &&
  !/^http:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|\/|$)/.test(base);
