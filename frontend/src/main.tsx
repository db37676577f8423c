import "./styles/index.css";
import { effect } from "@preact/signals";
import { render } from "preact";
import { addressLabel, chooseAddress } from "./api/address";
import type { Backend } from "./api/backend";
import { createHttpBackend } from "./api/http-backend";
import { Session } from "./session/session";
import { takeReturn } from "./session/sign-on-return";
import { App } from "./ui/app";
import { keep, language, tabKeep, theme } from "./ui/preferences";
import { watchRoute } from "./ui/route";
import { LiveContext } from "./ui/session-context";
import { finishSignIn } from "./ui/sign-in-state";

// The composition root: everything that is wired to something else is wired here.

// Back from the issuer: first go where the sign-in began, which may name another server than the page's own.
const returned = takeReturn(tabKeep, location.search);
if (returned) history.replaceState(null, "", returned.pending?.back ?? location.pathname + location.hash);

const trusted = keep.get<readonly string[]>("trusted") ?? [];
const { address, strange } = chooseAddress({
  query: new URLSearchParams(location.search),
  stored: keep.get<string>("address"),
  built: OPSROOM_API,
  origin: location.origin,
  trusted,
});
const isDemo = address.kind === "demo";
const scope = addressLabel(address);

async function createBackend(): Promise<Backend> {
  if (address.kind === "server") return createHttpBackend(address.base);
  const { createDemoBackend } = await import(/* webpackChunkName: "demo" */ "./sim/demo");
  return createDemoBackend();
}

function watchNetwork(session: Session): void {
  addEventListener("online", session.reconnect);
  addEventListener("offline", session.wentOffline);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) session.resync();
  });
}

/** Resolves once the reader agrees to the server that a link names; whoever doesn't leaves for the usual one. */
async function agreement(root: Element, base: string): Promise<void> {
  const { default: TrustDialog } = await import(/* webpackChunkName: "trust" */ "./ui/trust-dialog");
  const stay = () => location.assign(location.pathname + location.hash);
  await new Promise<void>(trust => {
    render(<TrustDialog base={base} onTrust={trust} onStay={stay} />, root);
  });
  keep.set("trusted", [...trusted, base]);
  render(null, root);
}

async function start(): Promise<void> {
  effect(() => {
    document.documentElement.lang = language.value;
    document.documentElement.dataset.theme = theme.value;
  });
  watchRoute();
  const root = document.getElementById("root");
  if (!root) throw new Error("the page has no #root");
  if (strange && address.kind === "server") await agreement(root, address.base);
  const backend = await createBackend();
  const session = new Session({
    backend,
    scope,
    version: OPSROOM_BUILD,
    keep,
    // Each tab's demo is a server of its own, so there is nothing to share.
    locks: isDemo ? undefined : navigator.locks,
    isOnline: () => isDemo || navigator.onLine,
  });
  if (!isDemo) watchNetwork(session);
  session.start();
  if (returned) void finishSignIn(session, returned, scope);
  const live = { backend, session, address, keep, scope };
  render(
    <LiveContext.Provider value={live}>
      <App />
    </LiveContext.Provider>,
    root,
  );
}

void start();
