import { isTextAt, viewOf } from "./bytes";

const KEPT: ReadonlySet<string> = new Set(["VP8X", "VP8 ", "VP8L", "ALPH", "ANIM", "ANMF", "ICCP"]);
/** The flags of an image's head that say that there are Exif and XMP data. */
const METADATA_FLAGS = 0x0c;
const HEAD = 12;

/** The parts of a WebP image without its metadata, up to its end. Undefined: it is damaged. */
export function webpParts(bytes: Uint8Array): readonly Uint8Array[] | undefined {
  if (bytes.length < HEAD || !isTextAt(bytes, 0, "RIFF") || !isTextAt(bytes, 8, "WEBP")) return undefined;
  const view = viewOf(bytes);
  const whole = 8 + view.getUint32(4, true);
  if (whole > bytes.length) return undefined;
  const chunks: Uint8Array[] = [];
  for (let at = HEAD; at + 8 <= whole; ) {
    const size = view.getUint32(at + 4, true);
    // Chunks have an even length; the last byte of the file may be missing.
    const end = at + 8 + size + (size % 2);
    if (at + 8 + size > whole) return undefined;
    const type = String.fromCharCode(...bytes.subarray(at, at + 4));
    if (KEPT.has(type)) chunks.push(type === "VP8X" ? withoutFlags(bytes, at, end) : bytes.subarray(at, end));
    at = end;
  }
  const head = bytes.slice(0, HEAD);
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 4);
  viewOf(head).setUint32(4, length, true);
  return [head, ...chunks];
}

function withoutFlags(bytes: Uint8Array, at: number, end: number): Uint8Array {
  const chunk = bytes.slice(at, end);
  chunk[8] = (chunk[8] ?? 0) & ~METADATA_FLAGS;
  return chunk;
}
