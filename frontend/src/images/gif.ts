import { isTextAt } from "./bytes";

const [EXTENSION, IMAGE, END] = [0x21, 0x2c, 0x3b] as const;
const [COMMENT, APPLICATION] = [0xfe, 0xff] as const;
/** Programs' own data that browsers follow: how often an animation is repeated. */
const REPEATS = ["NETSCAPE2.0", "ANIMEXTS1.0"] as const;

/** The length of the color table that a byte of flags describes. */
const tableLength = (flags: number): number => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);

/** Where a sequence of blocks ends; undefined if the file ends before it. */
function blocksEnd(bytes: Uint8Array, start: number): number | undefined {
  let at = start;
  for (let size = bytes[at]; size !== undefined; size = bytes[at]) {
    at += 1 + size;
    if (size === 0) return at;
  }
  return undefined;
}

const isKept = (bytes: Uint8Array, at: number, label: number): boolean =>
  label === APPLICATION ? REPEATS.some(name => isTextAt(bytes, at + 3, name)) : label !== COMMENT;

/** The parts of a GIF image without its metadata, up to its end. Undefined: it is damaged. */
export function gifParts(bytes: Uint8Array): readonly Uint8Array[] | undefined {
  if (!isTextAt(bytes, 0, "GIF87a") && !isTextAt(bytes, 0, "GIF89a")) return undefined;
  let at = 13 + tableLength(bytes[10] ?? 0);
  const parts = [bytes.subarray(0, at)];
  while (at < bytes.length) {
    const kind = bytes[at];
    if (kind === END) return [...parts, bytes.subarray(at, at + 1)];
    if (kind !== EXTENSION && kind !== IMAGE) return undefined;
    const label = bytes[at + 1] ?? 0;
    const start = kind === EXTENSION ? at + 2 : at + 11 + tableLength(bytes[at + 9] ?? 0);
    const end = blocksEnd(bytes, start);
    if (end === undefined) return undefined;
    if (kind === IMAGE || isKept(bytes, at, label)) parts.push(bytes.subarray(at, end));
    at = end;
  }
  return undefined;
}
