import type { User } from "../contract/generated";
import type { LocalStore } from "./local-store";
import { isRecord, isText } from "./stored";

export interface Registration {
  readonly user: User;
  readonly token: string;
}

const isRegistration = isRecord<Registration>({
  user: isRecord<User>({ id: isText, name: isText }),
  token: isText,
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

  save(registration: Registration): void {
    this.localStore.set(this.key, registration);
  }

  /** Remove the registration with `token`; another tab may have stored the next one already. */
  remove(token: string): void {
    if (this.load()?.token === token) this.localStore.remove(this.key);
  }
}
