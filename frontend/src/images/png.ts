import { isTextAt, viewOf } from "./bytes";

const SIGNATURE = "\x89PNG\r\n\x1a\n";
/** The chunks that the picture needs: its pixels, colors, size and animation. */
const KEPT: ReadonlySet<string> = new Set([
  ...["IHDR", "PLTE", "IDAT", "IEND", "tRNS", "cHRM", "gAMA", "iCCP", "sBIT", "sRGB", "cICP", "mDCV", "cLLI"],
  ...["bKGD", "hIST", "pHYs", "sPLT", "acTL", "fcTL", "fdAT"],
]);
/** Length, type and checksum of a chunk. */
const FRAME = 12;

/** The parts of a PNG image without its metadata, up to its end. Undefined: it is damaged. */
export function pngParts(bytes: Uint8Array): readonly Uint8Array[] | undefined {
  if (!isTextAt(bytes, 0, SIGNATURE)) return undefined;
  const parts = [bytes.subarray(0, SIGNATURE.length)];
  const view = viewOf(bytes);
  for (let at = SIGNATURE.length; at + FRAME <= bytes.length; ) {
    const end = at + FRAME + view.getUint32(at);
    if (end > bytes.length) return undefined;
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (KEPT.has(type)) parts.push(bytes.subarray(at, end));
    if (type === "IEND") return parts;
    at = end;
  }
  return undefined;
}
