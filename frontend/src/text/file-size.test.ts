import { expect, it } from "vitest";
import { formatFileSize } from "./file-size";

it.each([
  [0, "0 B"],
  [1023, "1,023 B"],
  [1024, "1 KB"],
  [1536, "1.5 KB"],
  [10 * 1024 ** 2, "10 MB"],
  [123.4 * 1024 ** 3, "123 GB"],
  [5000 * 1024 ** 3, "5,000 GB"],
])("%d bytes are %s", (bytes, text) => {
  expect(formatFileSize(bytes, "en", ["B", "KB", "MB", "GB"])).toBe(text);
});
