import type { ReadMarks } from "../state/chat/model";
import { ROOM } from "../state/chat/model";
import type { LocalStore } from "./local-store";
import { isListOf, isMissingOr, isNumber, isRecord, isText } from "./stored";

type Entry = readonly [room: string, seq: number];

const isEntry = (value: unknown): value is Entry =>
  Array.isArray(value) && value.length === 2 && isText(value[0]) && isNumber(value[1]);

interface StoredMarks {
  readonly epoch?: string | undefined;
  readonly rooms: readonly Entry[];
}

const isStoredMarks = isRecord<StoredMarks>({ epoch: isMissingOr(isText), rooms: isListOf(isEntry) });
/** That of the last release, which had one room. */
const isOlderMark = isRecord<{ epoch?: string | undefined; seq: number }>({
  epoch: isMissingOr(isText),
  seq: isNumber,
});

/** How far this browser's user has read, in browser storage. */
export class ReadMarkStore {
  private readonly key: string;

  constructor(
    private readonly localStore: LocalStore,
    scope: string,
  ) {
    this.key = `read.${scope}`;
  }

  load(): ReadMarks {
    const stored = this.localStore.get(this.key, isStoredMarks);
    if (stored) return { epoch: stored.epoch, rooms: new Map(stored.rooms) };
    const older = this.localStore.get(this.key, isOlderMark);
    return older ? { epoch: older.epoch, rooms: new Map([[ROOM, older.seq]]) } : { rooms: new Map() };
  }

  save({ epoch, rooms }: ReadMarks): void {
    this.localStore.set(this.key, { epoch, rooms: [...rooms] } satisfies StoredMarks);
  }
}
