import { comparable } from "./typed";

/**
 * The colors of people, chosen apart from each other and from the red of errors. White text on each has a contrast of
 * at least 4.5.
 */
export const PALETTE = [
  "#2f5fb3",
  "#7447a8",
  "#0f766e",
  "#2e7d46",
  "#8f5a0a",
  "#a83a76",
  "#5c6b1a",
  "#4f52b8",
  "#17708f",
  "#8c4a2f",
  "#56616e",
  "#8a3f9c",
] as const;

/** The color of a name: the same for everyone, on every device, and however the name is written. */
export function colorOf(name: string): string {
  let hash = 0;
  for (const char of comparable(name)) hash = (Math.imul(hash, 621) + (char.codePointAt(0) ?? 0)) | 0;
  // Mix the bits once more, so that names that differ in one character get different colors.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return PALETTE[((hash ^ (hash >>> 12)) >>> 0) % PALETTE.length] ?? PALETTE[0];
}
