import type { Adoptable, LogLine, ProviderView, StatsSample, TemplateView } from "../../contract/generated";
import { SIMULATED } from "../../contract/generated";

const MB = 1024 ** 2;

const SIMULATED_PROVIDER: ProviderView = {
  ...{ name: SIMULATED, kind: SIMULATED, connected: true, capabilities: [] },
  templates: [{ name: SIMULATED, protected: false }],
};

const TEMPLATES: readonly TemplateView[] = [
  { name: "web-small", image: "nginx:1.27", memory: 256 * MB, cpus: 0.5, protected: false },
  { name: "worker", image: "python:3.13-slim", memory: 512 * MB, cpus: 1, protected: false },
  { name: "database", image: "postgres:17", memory: 1024 * MB, cpus: 2, protected: true },
];

/** A Docker host as clients see it. */
export const DOCKER: ProviderView = {
  ...{ name: "docker", kind: "docker", connected: true, host: "host-a" },
  capabilities: ["adopt", "logs", "stats"],
  templates: [...TEMPLATES],
};

/** The providers of a portal, and what can be adopted from them. */
export class MockProviders {
  private readonly byName = new Map<string, ProviderView>([[SIMULATED, SIMULATED_PROVIDER]]);
  private readonly resources = new Map<string, Adoptable[]>();

  list(): readonly ProviderView[] {
    return [...this.byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  get(name: string): ProviderView | undefined {
    return this.byName.get(name);
  }

  add(provider: ProviderView, resources: readonly Adoptable[] = []): void {
    this.byName.set(provider.name, provider);
    this.resources.set(provider.name, [...resources]);
  }

  /** Connect the agent of a provider, or disconnect it. */
  setConnected(name: string, connected: boolean): void {
    const provider = this.byName.get(name);
    if (!provider) return;
    const seenAt = connected ? {} : { seenAt: new Date().toISOString() };
    this.byName.set(name, { ...provider, connected, ...seenAt });
  }

  adoptable(name: string): readonly Adoptable[] {
    return this.resources.get(name) ?? [];
  }

  /** Take a resource from those that can be adopted. */
  take(name: string, resource: string): Adoptable | undefined {
    const found = this.adoptable(name).find(one => one.resource === resource);
    this.resources.set(name, this.adoptable(name).filter(one => one !== found) as Adoptable[]);
    return found;
  }

  /** The provider and the template of a reference: `provider/template`, or a template that one provider has. */
  template(reference: string): { readonly provider: string; readonly template: string } | undefined {
    const [first = "", second] = reference.split("/");
    const name = second ?? first;
    const found = this.list().find(
      one =>
        (second === undefined || one.name === first) &&
        one.templates.some(template => template.name === name),
    );
    return found && { provider: found.name, template: name };
  }
}

/** A number from 0 to 1 that depends on `seed` alone. */
const noise = (seed: number): number => {
  const mixed = Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d);
  return ((mixed ^ (mixed >>> 12)) >>> 0) / 2 ** 32;
};

/** What a web server used at a time (Unix milliseconds). */
export function sampleAt(at: number): StatsSample {
  const step = Math.floor(at / 10_000);
  const wave = 0.5 + 0.5 * Math.sin(step / 9);
  return {
    at: new Date(at).toISOString(),
    cpu: 0.02 + 0.18 * wave * noise(step),
    memory: Math.round((110 + 30 * wave) * MB),
    ...{ cpuLimit: 0.5, memoryLimit: 256 * MB },
  };
}

const PATHS = ["/", "/health", "/api/orders", "/api/users?page=2", "/assets/app.js"];

/** A line of the log of a web server. */
export function lineAt(at: number, n: number): LogLine {
  const path = PATHS[Math.floor(noise(n) * PATHS.length)] ?? "/";
  const hasFailed = noise(n + 7) > 0.93;
  return {
    text: `GET ${path} ${hasFailed ? 502 : 200} ${1 + Math.floor(40 * noise(n + 3))}ms`,
    at: new Date(at).toISOString(),
    source: hasFailed ? "stderr" : "stdout",
  };
}
