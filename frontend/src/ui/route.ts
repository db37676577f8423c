import { signal } from "@preact/signals";

export type Route = "chat" | "cloud" | "status";

const current = (): Route =>
  (["cloud", "status"] as const).find(one => location.hash === `#/${one}`) ?? "chat";

/** Routes live in the hash: a static site answers no other address. */
export const route = signal<Route>(current());

export function watchRoute(): void {
  const follow = () => {
    route.value = current();
  };
  // Whoever comes back from signing in is where they were by now.
  follow();
  addEventListener("hashchange", follow);
}
