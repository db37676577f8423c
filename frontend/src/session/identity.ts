import type { User } from "../contract/generated";
import type { LocalStore } from "./local-store";
import { type Guard, isRecord, isText } from "./stored";

export interface Registration {
  readonly user: User;
  readonly token: string;
}

/** A token that a server may have issued, by the length that the contract allows; the demo's contain a name. */
const isToken: Guard<string> = (value): value is string =>
  isText(value) && /^[^\p{Control}\p{Surrogate}]{1,256}$/u.test(value);

const isRegistration = isRecord<Registration>({
  user: isRecord<User>({ id: isText, name: isText }),
  token: isToken,
});

/** The copy of our registration in browser storage, for reloads. The page's state has the one that counts. */
export class Identity {
  private readonly key: string;

  constructor(
    private readonly localStore: LocalStore,
    scope: string,
  ) {
    this.key = `identity.${scope}`;
  }

  load(): Registration | undefined {
    return this.localStore.get(this.key, isRegistration);
  }

  /** Remove a registration that is damaged. Returns whether there was one. */
  discardDamaged(): boolean {
    const isDamaged = this.load() === undefined && this.localStore.keys(this.key).includes(this.key);
    if (isDamaged) this.localStore.remove(this.key);
    return isDamaged;
  }

  save(registration: Registration): void {
    this.localStore.set(this.key, registration);
  }

  /** Remove the registration with `token`; another tab may have stored the next one already. */
  remove(token: string): void {
    if (this.load()?.token === token) this.localStore.remove(this.key);
  }
}
