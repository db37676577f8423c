import type { Backend } from "../api/backend";
import { ApiError } from "../api/errors";
import { NAME_MAX } from "../contract/generated";
import { clip, comparable } from "../text/typed";

/** The names to try after a sign-in, in order. The user may hold the first one in another browser. */
const candidateNames = (name: string): readonly string[] => [
  name,
  ...[2, 3, 4, 5].map(n => `${clip(name, NAME_MAX - 2)}-${n}`),
];

export const hasErrorCode = (error: unknown, code: ApiError["code"]): boolean =>
  error instanceof ApiError && error.code === code;

/** Register as `name`, or with a number appended if it is taken. Throws what the last attempt threw. */
export async function registerWithSuffix(
  name: string,
  register: (one: string) => Promise<void>,
): Promise<void> {
  const names = candidateNames(name);
  for (const one of names) {
    try {
      return await register(one);
    } catch (error) {
      if (!hasErrorCode(error, "name_taken") || one === names.at(-1)) throw error;
    }
  }
}

/** Alternatives to a taken name; they may be taken as well. No grapheme is cut in two. */
export function candidatesFor(name: string): readonly string[] {
  const base = clip(name.trim(), NAME_MAX - 4).trim() || "guest";
  const random = () => Math.floor(Math.random() * 90) + 10;
  return [`${base}-2`, `${base}${random()}`, `${base}_${random()}`, `${base}-${random()}`, `${base}-3`];
}

/** Up to three of the `candidates` that differ from `name` and that no user has. */
export async function availableNames(
  backend: Pick<Backend, "users">,
  name: string,
  candidates: readonly string[],
): Promise<readonly string[]> {
  const users = await backend.users().catch(() => []);
  const taken = new Set([name, ...users.map(user => user.name)].map(comparable));
  return candidates.filter(candidate => !taken.has(comparable(candidate))).slice(0, 3);
}
