import type { File as StoredFile } from "../../../contract/generated";

/** The largest place of an image in a message, in pixels of the layout. */
export const [PLACE_WIDTH, PLACE_HEIGHT] = [420, 320] as const;
/** A smaller image is shown as it is. */
const PIXELS_MAX = 1_000_000;
const QUALITY = 0.85;

/** By how much an image is made smaller so that it fits into its place. */
export const scaleOf = (width: number, height: number): number =>
  Math.min(1, PLACE_WIDTH / width, PLACE_HEIGHT / height);

/**
 * A small picture of an image, so that a list of photos does not hold hundreds of megabytes of pixels. A GIF image stays
 * as it is, because it may move; so does what the browser can't draw.
 */
export async function thumbnailOf(
  content: Blob,
  { type, width = 0, height = 0 }: StoredFile,
  density: number,
): Promise<Blob> {
  if (width * height <= PIXELS_MAX || type === "image/gif") return content;
  const scale = Math.min(1, scaleOf(width, height) * density);
  const size = {
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
  };
  try {
    const options = { resizeWidth: size.width, resizeHeight: size.height, resizeQuality: "high" } as const;
    const bitmap = await createImageBitmap(content, options);
    const canvas = Object.assign(document.createElement("canvas"), size);
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    bitmap.close();
    // Other formats than PNG and JPEG keep transparency, too, but not every browser writes them.
    const written = type === "image/jpeg" ? "image/jpeg" : "image/png";
    return (await new Promise<Blob | null>(done => canvas.toBlob(done, written, QUALITY))) ?? content;
  } catch {
    return content;
  }
}
