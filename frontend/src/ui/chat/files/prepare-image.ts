/** What a browser can write again as it was; an animation in a GIF would be lost. */
const REWRITTEN = new Set(["image/png", "image/jpeg", "image/webp"]);
const QUALITY = 0.92;

/**
 * The image without its metadata, such as the place where a photo was taken: it is drawn and written again, upright.
 * A file that is no image, or that the browser can't draw, is returned as it is: then it is not shown as one either.
 */
export async function withoutMetadata(file: Blob): Promise<Blob> {
  if (!REWRITTEN.has(file.type)) return file;
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return new Blob([file], { type: "application/octet-stream" });
  }
  try {
    const canvas = document.createElement("canvas");
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    const written = await new Promise<Blob | null>(resolve => canvas.toBlob(resolve, file.type, QUALITY));
    return written ?? file;
  } finally {
    bitmap.close();
  }
}
