import type {
  FollowedThread,
  Message,
  ServerFrame,
  ThreadsReply,
  ThreadsUnread,
  ThreadUnread,
} from "../../contract/generated";

interface Position {
  readonly following: boolean;
  readonly read: number;
}

/** The threads that people follow. */
export class MockThreads {
  private readonly people = new Map<string, Map<string, Position>>();

  constructor(
    private readonly messages: readonly Message[],
    private readonly head: () => number,
    private readonly sendTo: (userId: string, frame: ServerFrame) => void,
  ) {}

  /** A reply is about to be stored: its author and that of the first message follow the thread. */
  onReply(reply: Pick<Message, "thread" | "user">): void {
    const root = this.messages.find(one => one.id === reply.thread);
    if (!root) return;
    if (!this.of(root.user.id).has(root.id)) this.put(root.user.id, root.id, true);
    if (!this.of(reply.user.id).get(root.id)?.following) this.put(reply.user.id, root.id, true);
  }

  follow(userId: string, id: string, on: boolean): ThreadUnread {
    return this.put(userId, id, on);
  }

  read(userId: string, id: string, seq: number): ThreadUnread {
    const known = this.of(userId).get(id);
    if (!known?.following || known.read >= seq) return this.view(userId, id);
    return this.put(userId, id, true, seq);
  }

  unread(userId: string): ThreadsUnread {
    const followed = [...this.of(userId)].filter(([, one]) => one.following);
    return { asOf: this.head(), threads: followed.map(([id]) => this.view(userId, id)) };
  }

  list(userId: string): ThreadsReply {
    const threads = this.unread(userId).threads.flatMap(({ id, read, unread }): FollowedThread[] => {
      const root = this.messages.find(one => one.id === id);
      const last = this.messages.findLast(one => one.thread === id);
      return root && last ? [{ root, last, read, unread }] : [];
    });
    return { threads: threads.sort((a, b) => b.last.seq - a.last.seq), asOf: this.head() };
  }

  private of(userId: string): Map<string, Position> {
    const known = this.people.get(userId) ?? new Map<string, Position>();
    this.people.set(userId, known);
    return known;
  }

  private put(userId: string, id: string, following: boolean, read = this.head()): ThreadUnread {
    this.of(userId).set(id, { following, read });
    const one = this.view(userId, id);
    this.sendTo(userId, { type: "threads", threads: [one] });
    return one;
  }

  private view(userId: string, id: string): ThreadUnread {
    const { following, read } = this.of(userId).get(id) ?? { following: false, read: this.head() };
    const unread = this.messages.filter(
      one => one.thread === id && one.seq > read && one.user.id !== userId,
    ).length;
    const room = this.messages.find(one => one.id === id)?.room ?? "general";
    return { room, id, following, read, unread: following ? unread : 0, asOf: this.head() };
  }
}
