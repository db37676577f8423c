import type { ChatListener } from "../../api/backend";
import { ApiError } from "../../api/errors";
import type { Registered, User } from "../../contract/generated";
import { sameName } from "../../text/typed";
import { cleanName } from "./name-rules";

export interface Member {
  readonly user: User;
  readonly token: string;
  readonly connections: Set<MockConnection>;
}

export interface MockConnection {
  listener: ChatListener;
  member?: Member;
  heartbeats?: ReturnType<typeof setInterval>;
}

/** A page of the list of users. */
export interface UserPage {
  readonly users: User[];
  /** The cursor of the next page, if there is one. */
  readonly nextUsers?: string;
}

/** Who is registered, by their tokens. */
export class MockMembers {
  private readonly byToken = new Map<string, Member>();
  private ids = 0;

  /** Register a name as it was typed. Throws what the server would answer. */
  register(typed: string): Registered {
    const name = cleanName(typed);
    if (this.all().some(one => sameName(name, one.user.name)))
      throw new ApiError({ code: "name_taken", detail: `Someone is called ${name} already.` });
    const { user, token } = this.admit(name);
    return { user, token };
  }

  admit(name: string): Member {
    this.ids += 1;
    const user = { id: `u${this.ids}-${Date.now().toString(36)}`, name };
    // The token contains the user, because a reload of the page loses the server's memory.
    return this.add(user, JSON.stringify(user));
  }

  /** The member with a token; undefined if it was never valid. */
  withToken(token: string): Member | undefined {
    const known = this.byToken.get(token);
    if (known) return known;
    try {
      const { id, name } = JSON.parse(token) as User;
      return this.add({ id, name }, token);
    } catch {
      return undefined;
    }
  }

  /** Remove those for whom `isGone` holds. */
  remove(isGone: (user: User) => boolean): void {
    for (const [token, { user }] of this.byToken) if (isGone(user)) this.byToken.delete(token);
  }

  all(): Member[] {
    return [...this.byToken.values()];
  }

  /** The users who are connected. */
  present(): User[] {
    return this.all()
      .filter(member => member.connections.size > 0)
      .map(member => member.user);
  }

  /** `size` users who are connected, after the cursor `after`. */
  page(size: number, after = "0.page"): UserPage {
    const users = this.present();
    const start = Number.parseInt(after, 10);
    const end = start + size;
    return { users: users.slice(start, end), ...(end < users.length ? { nextUsers: `${end}.page` } : {}) };
  }

  private add(user: User, token: string): Member {
    const member = { user, token, connections: new Set<MockConnection>() };
    this.byToken.set(token, member);
    return member;
  }
}
