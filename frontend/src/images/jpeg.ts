import { isTextAt, viewOf } from "./bytes";

const [SOI, EOI, SOS, COMMENT, APP0, EXIF_OR_XMP, ICC, ADOBE] = [
  0xd8, 0xd9, 0xda, 0xfe, 0xe0, 0xe1, 0xe2, 0xee,
] as const;
/** The length of a JFIF segment without a thumbnail, which would show the picture as it was before it was cut. */
const PLAIN_JFIF = 18;
const EXIF = "Exif\0\0";
const ORIENTATION_TAG = 0x0112;
/** How a picture is turned, if it is: 1 is upright. */
const [TURNED_MIN, TURNED_MAX] = [2, 8] as const;

const isStandalone = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);

/** Whether the picture needs the segment: its colors, but nobody's notes about it. */
function isKept(marker: number, segment: Uint8Array): boolean {
  if (marker === APP0) return isTextAt(segment, 4, "JFIF\0") && segment.length === PLAIN_JFIF;
  if (marker === ICC) return isTextAt(segment, 4, "ICC_PROFILE\0");
  if (marker === ADOBE) return isTextAt(segment, 4, "Adobe");
  return marker !== COMMENT && !(marker > APP0 && marker <= 0xef);
}

/** How an Exif segment says that the picture is turned; undefined if it doesn't. */
function orientationOf(segment: Uint8Array): number | undefined {
  if (!isTextAt(segment, 4, EXIF)) return undefined;
  const tiff = viewOf(segment.subarray(4 + EXIF.length));
  try {
    const isLittle = tiff.getUint16(0) === 0x4949;
    const first = tiff.getUint32(4, isLittle);
    const count = tiff.getUint16(first, isLittle);
    for (let entry = first + 2; entry < first + 2 + 12 * count; entry += 12) {
      if (tiff.getUint16(entry, isLittle) !== ORIENTATION_TAG) continue;
      const turned = tiff.getUint16(entry + 8, isLittle);
      return turned >= TURNED_MIN && turned <= TURNED_MAX ? turned : undefined;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}

/** An Exif segment that says how the picture is turned, and nothing else. */
function exifWith(orientation: number): Uint8Array {
  const head = [0xff, EXIF_OR_XMP, 0, 34, ...[...EXIF].map(one => one.charCodeAt(0))];
  const tiff = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8];
  const entry = [ORIENTATION_TAG >> 8, ORIENTATION_TAG & 0xff, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0];
  return new Uint8Array([...head, ...tiff, 0, 1, ...entry, 0, 0, 0, 0]);
}

/** Where the compressed data that begin at `start` end: at the next marker that is no part of them. */
function scanEnd(bytes: Uint8Array, start: number): number {
  for (let at = bytes.indexOf(0xff, start); at !== -1; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1];
    if (next === undefined) break;
    if (next !== 0 && next !== 0xff && !isStandalone(next)) return at;
  }
  return bytes.length;
}

/**
 * The parts of a JPEG image without its metadata, up to its end: what follows, such as a short film, goes too.
 * Undefined: it is damaged.
 */
export function jpegParts(bytes: Uint8Array): readonly Uint8Array[] | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== SOI) return undefined;
  const parts = [bytes.subarray(0, 2)];
  let at = 2;
  while (at < bytes.length) {
    const marker = bytes[at + 1];
    if (bytes[at] !== 0xff || marker === undefined) return undefined;
    if (marker === 0xff) {
      at += 1; // fill bytes may precede a marker
      continue;
    }
    if (marker === EOI) return [...parts, bytes.subarray(at, at + 2)];
    if (isStandalone(marker)) {
      parts.push(bytes.subarray(at, at + 2));
      at += 2;
      continue;
    }
    const length = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    const end = at + 2 + length;
    if (length < 2 || end > bytes.length) return undefined;
    const segment = bytes.subarray(at, end);
    const orientation = marker === EXIF_OR_XMP ? orientationOf(segment) : undefined;
    if (orientation !== undefined) parts.push(exifWith(orientation));
    else if (isKept(marker, segment)) parts.push(segment);
    at = end;
    if (marker !== SOS) continue;
    const stop = scanEnd(bytes, at);
    parts.push(bytes.subarray(at, stop));
    at = stop;
  }
  // Browsers show an image that was cut off as far as it goes.
  return parts;
}
