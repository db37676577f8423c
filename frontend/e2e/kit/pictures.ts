import type { Page } from "@playwright/test";

/** A picture that the page draws, twice as wide as high, with a comment in its metadata. */
export async function picture(page: Page, color = "teal", width = 40): Promise<Buffer> {
  const url = await page.evaluate(
    ([fill, wide]) => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [wide, wide / 2];
      const context = canvas.getContext("2d");
      if (context) {
        context.fillStyle = fill;
        context.fillRect(0, 0, canvas.width, canvas.height);
      }
      return canvas.toDataURL("image/jpeg");
    },
    [color, width] as const,
  );
  const plain = Buffer.from(url.slice(url.indexOf(",") + 1), "base64");
  const comment = Buffer.from("taken at a secret place");
  const header = Buffer.from([0xff, 0xfe, 0, comment.length + 2]);
  return Buffer.concat([plain.subarray(0, 2), header, comment, plain.subarray(2)]);
}
