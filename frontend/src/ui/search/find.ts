import type { MessageHit } from "../../contract/generated";
import type { RoomState } from "../../state/chat/model";
import { comparable } from "../../text/typed";

/** What the search can find: a place, a room, a server, a person, a message. */
export interface Findable {
  readonly key: string;
  readonly kind: "place" | "room" | "direct" | "server" | "person" | "message" | "activity";
  readonly name: string;
  /** Other texts by which it is found, such as an id. */
  readonly also?: string;
  /** The room, for its icon. */
  readonly room?: RoomState;
  /** What is shown of a message. */
  readonly hit?: MessageHit;
  readonly open: () => void;
}

/** A findable thing, with its texts prepared for comparison. */
export interface Indexed {
  readonly item: Findable;
  readonly name: string;
  readonly also: string;
}

export const indexOf = (items: readonly Findable[]): readonly Indexed[] =>
  items.map(item => ({ item, name: comparable(item.name), also: comparable(item.also ?? "") }));

const WORD_END = /[\s._-]+/u;

/** How well an item matches: less is better; undefined if it doesn't. */
function rankOf({ name, also }: Indexed, wanted: string): number | undefined {
  if (name === wanted) return 0;
  if (name.startsWith(wanted)) return 1;
  if (also.startsWith(wanted)) return 2;
  if (name.split(WORD_END).some(word => word.startsWith(wanted))) return 3;
  if (name.includes(wanted)) return 4;
  return also.includes(wanted) ? 5 : undefined;
}

/** The items that match what was typed, the best first; of equals, in the order in which they were given. */
export function find(items: readonly Indexed[], typed: string, limit: number): readonly Findable[] {
  const wanted = comparable(typed);
  if (!wanted) return items.slice(0, limit).map(one => one.item);
  return items
    .flatMap((one, place) => {
      const rank = rankOf(one, wanted);
      return rank === undefined ? [] : [{ item: one.item, rank, place }];
    })
    .sort((a, b) => a.rank - b.rank || a.place - b.place)
    .slice(0, limit)
    .map(one => one.item);
}
