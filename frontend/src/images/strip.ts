import { gifParts } from "./gif";
import { jpegParts } from "./jpeg";
import { pngParts } from "./png";
import { webpParts } from "./webp";

/** The images without metadata, by how they begin. */
const FORMATS = [jpegParts, pngParts, webpParts, gifParts] as const;
/** A larger file is not read: no portal takes it. */
const SIZE_MAX = 64 * 1024 ** 2;

/**
 * The parts of an image without its metadata, such as the place where a photo was taken. Nothing is decoded: pixels,
 * colors, animation and how a photo is turned stay as they are. Undefined: it is no image, or a damaged one.
 */
export function strippedParts(bytes: Uint8Array): readonly Uint8Array[] | undefined {
  for (const parts of FORMATS) {
    const found = parts(bytes);
    if (found) return found;
  }
  return undefined;
}

/** The image without its metadata; any other file as it is. */
export async function withoutMetadata(file: Blob): Promise<Blob> {
  if (file.size > SIZE_MAX) return file;
  const parts = strippedParts(new Uint8Array(await file.arrayBuffer()));
  return parts ? new Blob(parts as Uint8Array<ArrayBuffer>[], { type: file.type }) : file;
}
