import type { ChatListener, ChatSocket, HistoryQuery } from "../../api/backend";
import {
  type BotCommand,
  type Card,
  type ClientFrame,
  CloseCode,
  type ErrorCode,
  type ErrorFrame,
  type HelloFrame,
  type Message,
  type MessageFrame,
  type NotificationSettings,
  type ReadFrame,
  type Registered,
  type SendFrame,
  type ServerFrame,
  TEXT_MAX,
  type User,
} from "../../contract/generated";
import { type ChangeFrame, isReply, withChange } from "../../state/chat/message-changes";
import { type HistoryPage, ROOM } from "../../state/chat/model";
import { isInRoom } from "../../state/chat/rooms";
import { isCommand } from "../../text/escaped";
import { parse, type Said } from "../../text/grammar";
import { isBlank } from "../../text/typed";
import { MockFiles } from "./files";
import { type MockConnection, MockMembers } from "./members";
import { type ChangeRequest, changeMessage } from "./message-changes";
import { MockRooms } from "./rooms";
import { MockThreads } from "./threads";

const HEARTBEAT_SECONDS = 15;

/** Receives nothing. */
const NOBODY: ChatListener = { onOpen() {}, onFrame() {}, onClose() {} };

/** The chat service as a client sees it. */
export class MockChat {
  readonly messages: Message[] = [];
  /** How many messages fit on a page: the server limits its size in bytes. */
  pageMax = Number.POSITIVE_INFINITY;
  /** How many users are on a page of the list. */
  usersPerPage = 200;
  /** Whether a hello may have fields that servers of earlier releases don't know. */
  isCurrent = true;
  /** The error for every message, while it is set. */
  refusal: Pick<ErrorFrame, "code" | "retryAfter"> | undefined;
  /** Whether errors about messages say which; those of older servers don't. */
  namesRefused = true;
  /** How many messages were refused. */
  refused = 0;
  /** The commands that bots offer. */
  readonly botCommands: BotCommand[] = [];
  /** What becomes of commands. */
  onCommand: ((message: Message, said: Said) => void) | undefined;
  private readonly changes: ChangeFrame[] = [];
  private epoch = 1;
  private readonly members = new MockMembers();
  readonly files = new MockFiles();
  readonly rooms = new MockRooms(
    (userId, frame) => this.sendTo(userId, frame),
    ids => this.members.all().flatMap(({ user }) => (ids.includes(user.id) ? [user] : [])),
  );
  readonly threads = new MockThreads(
    this.messages,
    () => this.seq,
    (userId, frame) => this.sendTo(userId, frame),
  );
  private readonly notifications = new Map<string, NotificationSettings>();
  private readonly connections = new Set<MockConnection>();
  private seq = 0;

  constructor(private readonly defer: (action: () => void) => void) {}

  users(): User[] {
    return this.members.present();
  }

  register(typed: string): Registered {
    return this.members.register(typed);
  }

  history({ room, before = Number.POSITIVE_INFINITY, limit }: HistoryQuery): HistoryPage {
    const earlier = this.messages.filter(message => message.room === room && message.seq < before);
    const messages = earlier.slice(-Math.min(limit, this.pageMax));
    const next = messages.length < earlier.length ? messages[0]?.seq : undefined;
    return { messages, next, epoch: `e${this.epoch}`, asOf: this.seq };
  }

  open(listener: ChatListener): ChatSocket {
    const connection: MockConnection = { listener };
    this.connections.add(connection);
    this.defer(() => this.connections.has(connection) && listener.onOpen());
    return {
      send: frame => this.defer(() => this.connections.has(connection) && this.receive(connection, frame)),
      close: () => this.drop(connection),
    };
  }

  /** Close all connections, like a server that restarts. */
  cutAll(code: number = CloseCode.GOING_AWAY, reason = ""): void {
    for (const connection of [...this.connections]) this.end(connection, code, reason);
  }

  /** Let all connections go dead, as if the network dropped every packet: nothing closes them. */
  swallow(): void {
    for (const connection of this.connections) {
      connection.listener = NOBODY;
      this.drop(connection);
    }
  }

  /** Replace all messages by none, like a server that is set up again; connections are cut. */
  renew(): void {
    this.messages.length = 0;
    this.changes.length = 0;
    this.seq = 0;
    this.epoch += 1;
    this.cutAll();
  }

  /** Add a user who has no page. */
  enter(name: string): User {
    const { user, connections } = this.members.admit(name);
    connections.add({ listener: NOBODY });
    this.broadcast({ type: "joined", user });
    return user;
  }

  /** Release the name of a user, like a server whose reservation has expired. */
  forget(name: string): void {
    this.members.remove(user => user.name === name);
  }

  exit(user: User): void {
    this.members.remove(one => one.id === user.id);
    this.broadcast({ type: "left", user });
  }

  type(user: User, room: string = ROOM): void {
    this.broadcast({ type: "typing", room, user }, room);
  }

  say(user: User, text: string, clientId?: string, timestamp = new Date(), room: string = ROOM): Message {
    const written = { room, user, text, ...(clientId ? { clientId } : {}) };
    return this.post({ ...written, timestamp: timestamp.toISOString() });
  }

  /** Post what a bot says, in a thread or not. */
  reply(user: User, text: string, place: Pick<Message, "room" | "thread">): Message {
    return this.post({ user, text, ...place, timestamp: new Date().toISOString() });
  }

  /** Post a card of a bot. */
  postCard(user: User, card: Card, place: Pick<Message, "room" | "thread">, at = new Date()): Message {
    const text = `[${card.status}] ${card.title}`;
    return this.post({ user, text, card, ...place, timestamp: at.toISOString() });
  }

  /** Replace the card of a message. */
  updateCard(id: string, card: Card): void {
    const at = this.messages.findIndex(one => one.id === id);
    const before = this.messages[at];
    if (!before) return;
    this.seq += 1;
    const timestamp = new Date().toISOString();
    const message = { ...before, card, text: `[${card.status}] ${card.title}`, editedAt: timestamp };
    this.messages[at] = message;
    const frame: ChangeFrame = { type: "edited", seq: this.seq, room: before.room, id, timestamp, message };
    this.changes.push(frame);
    this.broadcast(frame, before.room);
  }

  notificationsOf(userId: string): NotificationSettings {
    return this.notifications.get(userId) ?? { level: "all", rooms: {} };
  }

  setNotifications(userId: string, settings: NotificationSettings): void {
    this.notifications.set(userId, settings);
    this.sendTo(userId, { type: "notifications", settings });
  }

  private post(written: Omit<Message, "seq" | "id">): Message {
    this.threads.onReply(written);
    this.seq += 1;
    const message: Message = { seq: this.seq, id: `m${this.seq}`, ...written };
    this.messages.push(message);
    const frame = { type: "message" as const, ...message };
    const root = this.messages.findIndex(one => one.id === message.thread);
    const replied = this.messages[root];
    if (replied && isReply(frame)) this.messages[root] = withChange(replied, frame, undefined);
    this.broadcast(frame, message.room);
    return message;
  }

  private receive(connection: MockConnection, frame: ClientFrame): void {
    if (frame.type === "hello") return this.welcome(connection, frame);
    const { member } = connection;
    if (!member) return;
    switch (frame.type) {
      case "typing":
        return this.type(member.user, frame.room);
      case "users":
        return connection.listener.onFrame({
          type: "users",
          ...this.members.page(this.usersPerPage, frame.after),
        });
      case "read":
        return this.sendTo(member.user.id, { ...frame, ...this.count(member.user.id, frame) });
      case "leave":
        this.exit(member.user);
        return this.end(connection, CloseCode.LEFT);
      case "send":
        return this.store(connection, member.user, frame);
      case "edit":
      case "delete":
      case "react":
      case "pin":
        return this.change(connection, member.user, frame);
      default:
        frame satisfies never; // the compiler reports a frame that isn't handled
    }
  }

  /** Change a message for `user`, who may have no page. */
  change({ listener }: Pick<MockConnection, "listener">, user: User, frame: ChangeRequest): void {
    const { clientId, id } = frame;
    const context = {
      messages: this.messages,
      nextSeq: () => ++this.seq,
      publish: (event: ChangeFrame) => {
        this.changes.push(event);
        this.broadcast(event, frame.room);
      },
    };
    const result = this.refusal?.code ?? changeMessage(context, user, frame);
    if (typeof result !== "string") return listener.onFrame({ type: "ack", clientId, id, ...result });
    listener.onFrame({ type: "error", message: "not changed", code: result, clientId });
  }

  /** What somebody has not read of a room. */
  private count(userId: string, { room, seq }: ReadFrame) {
    const later = this.messages.filter(
      one => one.room === room && one.seq > seq && one.user.id !== userId && isInRoom(one),
    );
    return { unread: later.length, mentions: 0, asOf: this.seq };
  }

  private store({ listener }: MockConnection, user: User, frame: SendFrame): void {
    const { clientId, room, text, thread, broadcast } = frame;
    const files = frame.files?.flatMap(id => this.files.get(id));
    const isValid =
      (!isBlank(text) || files?.length) && [...text].length <= TEXT_MAX && !/\p{Surrogate}/u.test(text);
    const isMember = this.rooms.has(user.id, room);
    const problem = isMember ? "invalid_request" : "room_unknown";
    const said = parse(text);
    const refusal =
      isValid && isMember && said.is !== "Problem" ? this.refusal : { code: problem as ErrorCode };
    if (refusal) {
      this.refused += 1;
      const about = this.namesRefused ? { clientId } : {};
      return listener.onFrame({ type: "error", message: "not stored", ...refusal, ...about });
    }
    const reply = { ...(thread === undefined ? {} : { thread }), ...(broadcast ? { broadcast } : {}) };
    const earlier = this.messages.find(message => message.clientId === clientId);
    const attached = files?.length ? { files } : {};
    const timestampNow = new Date().toISOString();
    const plain = said.is === "Text" ? said.text : text;
    const command = isCommand(text) ? { command: { name: text.slice(1).split(/\s/, 1)[0] ?? "" } } : {};
    const written = {
      user,
      text: plain,
      ...command,
      clientId,
      room,
      timestamp: timestampNow,
      ...reply,
      ...attached,
    };
    const message = earlier ?? this.post(written);
    const { seq, id, timestamp } = message;
    if (!earlier && isCommand(text)) this.onCommand?.(message, said);
    listener.onFrame({ type: "ack", clientId, seq, id, timestamp, duplicate: earlier !== undefined });
  }

  private welcome(
    connection: MockConnection,
    { token, since, epoch, heartbeats, userPages, unread, notifications, threads }: HelloFrame,
  ): void {
    const isNewer = epoch !== undefined || heartbeats || userPages || unread || notifications || threads;
    if (!this.isCurrent && isNewer) {
      const field = unread ? "unread" : userPages ? "userPages" : heartbeats ? "heartbeats" : "epoch";
      return connection.listener.onFrame({ type: "error", code: "invalid_request", message: "", field });
    }
    const member = this.members.withToken(token);
    if (!member) return this.end(connection, CloseCode.TOKEN_INVALID);
    const isNew = member.connections.size === 0;
    connection.member = member;
    member.connections.add(connection);
    const { listener } = connection;
    const position = { seq: this.seq, epoch: `e${this.epoch}` };
    const beat = heartbeats ? { heartbeatSeconds: HEARTBEAT_SECONDS } : {};
    const list = userPages
      ? { ...this.members.page(this.usersPerPage), userCount: this.users().length }
      : { users: this.users() };
    const rooms = this.rooms.of(member.user.id);
    listener.onFrame({ type: "welcome", user: member.user, ...list, ...position, ...beat, rooms });
    if (notifications)
      listener.onFrame({ type: "notifications", settings: this.notificationsOf(member.user.id) });
    if (heartbeats)
      connection.heartbeats = setInterval(
        () => listener.onFrame({ type: "heartbeat" }),
        HEARTBEAT_SECONDS * 1_000,
      );
    const isOther = epoch !== undefined && epoch !== position.epoch;
    if (since !== undefined && (isOther || since > this.seq))
      listener.onFrame({ type: "reset", ...position });
    else if (since !== undefined) this.replay(listener, since, member.user.id);
    if (isNew) this.broadcast({ type: "joined", user: member.user });
  }

  private replay(listener: ChatListener, since: number, userId: string): void {
    const messages = this.messages.map(
      ({ reactions: _reactions, pinned: _pinned, ...message }): MessageFrame => ({
        type: "message",
        ...message,
      }),
    );
    const missed = [...messages, ...this.changes].filter(
      frame => frame.seq > since && this.rooms.has(userId, frame.room),
    );
    for (const frame of missed.sort((a, b) => a.seq - b.seq)) listener.onFrame(frame);
  }

  private end(connection: MockConnection, code: number, reason = ""): void {
    this.drop(connection);
    connection.listener.onClose(code, reason);
  }

  private drop(connection: MockConnection): void {
    this.connections.delete(connection);
    clearInterval(connection.heartbeats);
    const { member } = connection;
    if (!member?.connections.delete(connection) || member.connections.size > 0) return;
    this.broadcast({ type: "left", user: member.user });
  }

  /** Send a frame to the users in a room. */
  private broadcast(frame: ServerFrame, room: string = ROOM): void {
    for (const { listener, member } of this.connections)
      if (member && this.rooms.has(member.user.id, room)) listener.onFrame(frame);
  }

  private sendTo(userId: string, frame: ServerFrame): void {
    for (const { listener, member } of this.connections)
      if (member?.user.id === userId) listener.onFrame(frame);
  }
}
