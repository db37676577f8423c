import type { RoomsApi } from "../../api/backend";
import { ApiError } from "../../api/errors";
import type { Room, RoomFrame, RoomMember, RoomRole, RoomView, User } from "../../contract/generated";
import { ROOM } from "../../state/chat/model";
import { sameName } from "../../text/typed";
import { cleanName } from "./name-rules";

const ROOM_NAME_MAX = 64;
const GENERAL: Room = { id: ROOM, kind: "open", name: ROOM, archived: false };

interface MockRoom {
  room: Room;
  readonly members: Map<string, RoomMember>;
}

const refusal = (code: "room_unknown" | "forbidden" | "name_taken" | "invalid_request", field: string) =>
  new ApiError({ code, detail: code, field });

/** The rooms of the mock server, and who is in them. */
export class MockRooms {
  private readonly rooms = new Map<string, MockRoom>();
  private ids = 0;

  /** `notify` sends a frame to a user, `find` returns the users with these ids. */
  constructor(
    private readonly notify: (userId: string, frame: RoomFrame) => void,
    private readonly find: (ids: readonly string[]) => readonly User[],
  ) {}

  /** Whether a user gets the messages of a room. */
  has(userId: string, room: string): boolean {
    return room === ROOM || (this.rooms.get(room)?.members.has(userId) ?? false);
  }

  /** The rooms of a user that not everybody is in. */
  of(userId: string): RoomView[] {
    return [...this.rooms.values()].filter(one => one.members.has(userId)).map(one => this.view(one, userId));
  }

  list(user: User): RoomView[] {
    const public_ = [...this.rooms.values()].filter(
      one => one.room.kind === "public" && !one.members.has(user.id),
    );
    return [{ room: GENERAL }, ...this.of(user.id), ...public_.map(one => this.view(one, user.id))];
  }

  create(user: User, typed: string, description: string | undefined, isPrivate: boolean): Room {
    const name = cleanName(typed, ROOM_NAME_MAX);
    if (!isPrivate) this.checkFree(name);
    this.ids += 1;
    const kind = isPrivate ? "private" : "public";
    const about = description?.trim() ? { description: description.trim() } : {};
    return this.add({ id: `r-mock${this.ids}`, kind, name, archived: false, ...about }, user, [user]);
  }

  direct(user: User, others: readonly string[]): Room {
    const people = [user, ...this.find(others).filter(one => one.id !== user.id)];
    if (people.length < 2) throw refusal("invalid_request", "users");
    const id = `d-${people
      .map(one => one.id)
      .sort()
      .join("-")}`;
    return this.rooms.get(id)?.room ?? this.add({ id, kind: "direct", archived: false }, undefined, people);
  }

  change(user: User, id: string, patch: Partial<Pick<Room, "name" | "description" | "archived">>): Room {
    const one = this.ownedBy(user, id);
    const name = patch.name === undefined ? one.room.name : cleanName(patch.name, ROOM_NAME_MAX);
    if (name && one.room.kind === "public") this.checkFree(name, id);
    const { description: _before, ...kept } = { ...one.room, ...patch };
    const description = (patch.description ?? one.room.description ?? "").trim();
    one.room = { ...kept, ...(name ? { name } : {}), ...(description ? { description } : {}) };
    this.announce(one, [...one.members.keys()]);
    return one.room;
  }

  join(user: User, id: string): void {
    const one = this.seenBy(user, id);
    if (one.room.kind !== "public" && !one.members.has(user.id)) throw refusal("room_unknown", "room");
    this.enter(one, [user]);
  }

  leave(user: User, id: string): void {
    this.exit(this.seenBy(user, id), user.id);
  }

  invite(user: User, id: string, users: readonly string[]): void {
    this.enter(this.seenBy(user, id), this.find(users));
  }

  expel(user: User, id: string, userId: string): void {
    this.exit(this.ownedBy(user, id), userId);
  }

  members(user: User, id: string): RoomMember[] {
    return [...this.seenBy(user, id).members.values()];
  }

  private add(room: Room, owner: User | undefined, people: readonly User[]): Room {
    const one: MockRoom = { room, members: new Map() };
    this.rooms.set(room.id, one);
    this.enter(one, people, owner);
    return room;
  }

  private enter(one: MockRoom, people: readonly User[], owner?: User): void {
    const joinedAt = new Date().toISOString();
    for (const user of people) {
      const role: RoomRole = user === owner ? "owner" : "member";
      if (!one.members.has(user.id)) one.members.set(user.id, { user, role, joinedAt });
    }
    this.announce(
      one,
      people.map(user => user.id),
    );
  }

  private exit(one: MockRoom, userId: string): void {
    one.members.delete(userId);
    this.announce(one, [userId]);
  }

  private announce(one: MockRoom, ids: readonly string[]): void {
    for (const id of ids) this.notify(id, { type: "room", ...this.view(one, id) });
  }

  private view({ room, members }: MockRoom, userId: string): RoomView {
    const role = members.get(userId)?.role;
    const people = room.kind === "direct" ? { people: [...members.values()].map(one => one.user) } : {};
    return { room, members: members.size, ...(role ? { role } : {}), ...people };
  }

  private seenBy(user: User, id: string): MockRoom {
    const one = this.rooms.get(id);
    if (!one || (one.room.kind !== "public" && !one.members.has(user.id)))
      throw refusal("room_unknown", "room");
    return one;
  }

  private ownedBy(user: User, id: string): MockRoom {
    const one = this.seenBy(user, id);
    if (one.members.get(user.id)?.role !== "owner") throw refusal("forbidden", "room");
    return one;
  }

  private checkFree(name: string, except?: string): void {
    const isTaken = [...this.rooms.values()].some(
      ({ room }) => room.id !== except && room.kind === "public" && sameName(room.name ?? "", name),
    );
    if (isTaken || sameName(name, ROOM)) throw refusal("name_taken", "name");
  }
}

interface ApiOptions {
  readonly rooms: MockRooms;
  readonly respond: <T>(work: () => T) => Promise<T>;
  readonly userOf: (token: string | undefined) => User;
}

/** The API of rooms of the mock server. */
export const mockRoomsApi = ({ rooms, respond, userOf }: ApiOptions): RoomsApi => ({
  list: token => respond(() => rooms.list(userOf(token))),
  members: (room, token) => respond(() => rooms.members(userOf(token), room)),
  create: (body, _key, token) =>
    respond(() => rooms.create(userOf(token), body.name, body.description, body.private)),
  direct: (users, token) => respond(() => rooms.direct(userOf(token), users)),
  change: (room, patch, token) => respond(() => rooms.change(userOf(token), room, patch)),
  join: (room, token) => respond(() => rooms.join(userOf(token), room)),
  leave: (room, token) => respond(() => rooms.leave(userOf(token), room)),
  invite: (room, users, token) => respond(() => rooms.invite(userOf(token), room, users)),
  expel: (room, userId, token) => respond(() => rooms.expel(userOf(token), room, userId)),
});
