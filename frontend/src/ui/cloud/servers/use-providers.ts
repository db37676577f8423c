import { type ReadonlySignal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { type AgentCapability, type ProviderView, SIMULATED } from "../../../contract/generated";
import type { Providers } from "../../../state/cloud/server-status";
import { useApp } from "../../app-context";

/** How soon a provider that has gone or come back is noticed; its servers' events come at once. */
const POLL_MS = 10_000;
/** How soon, if all servers are simulated and no other provider is known. */
const IDLE_POLL_MS = 60_000;

const byName = (providers: readonly ProviderView[]): Providers =>
  new Map(providers.map(provider => [provider.name, provider]));

/** Whether a provider is connected and can do something. */
export function providerCan(providers: Providers, name: string, capability: AgentCapability): boolean {
  const provider = providers?.get(name);
  return provider?.connected === true && provider.capabilities.includes(capability);
}

/** The providers from which servers can be adopted now. */
export const adoptingProviders = (providers: Providers): readonly ProviderView[] =>
  [...(providers?.values() ?? [])].filter(({ name }) => providerCan(providers, name, "adopt"));

/** The providers, asked for again and again while the page is visible; undefined until the server has responded. */
export function useProviders(): ReadonlySignal<Providers> {
  const { backend, store } = useApp();
  const providers = useMemo(() => signal<Providers>(undefined), []);
  const isLive = store.cloud.value.connection.phase === "live";
  useEffect(() => {
    if (!isLive) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stopped = false;
    const ask = async () => {
      clearTimeout(timer);
      if (!document.hidden) {
        // An older server has no providers.
        const found = await backend
          .servers()
          .then(api => api.providers(store.access.readToken()))
          .catch(() => undefined);
        if (stopped) return;
        if (found) providers.value = byName(found);
      }
      const isSimulated = [...(providers.peek()?.keys() ?? [])].every(name => name === SIMULATED);
      timer = setTimeout(ask, isSimulated ? IDLE_POLL_MS : POLL_MS);
    };
    const onVisible = () => {
      if (!document.hidden) void ask();
    };
    void ask();
    document.addEventListener("visibilitychange", onVisible);
    return () => {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisible);
    };
  }, [backend, store, providers, isLive]);
  return providers;
}
