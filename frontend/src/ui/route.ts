import { signal } from "@preact/signals";

export type Route = "chat" | "cloud" | "status";

const current = (): Route =>
  (["cloud", "status"] as const).find(one => location.hash === `#/${one}`) ?? "chat";

/** The route is in the hash, because a static site has no other paths. */
export const route = signal<Route>(current());

export function watchRoute(): void {
  const follow = () => {
    route.value = current();
  };
  // A redirect after sign-in has restored the hash by now.
  follow();
  addEventListener("hashchange", follow);
}
