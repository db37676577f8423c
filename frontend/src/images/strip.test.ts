import { expect, it } from "vitest";
import { strippedParts } from "./strip";

const SECRET = "secret place";
const text = (value: string): number[] => [...value].map(one => one.charCodeAt(0));
const be16 = (value: number): number[] => [value >> 8, value & 0xff];
const be32 = (value: number): number[] => [...be16(value >>> 16), ...be16(value & 0xffff)];
const le32 = (value: number): number[] => be32(value).reverse();

const segment = (marker: number, data: readonly number[]) => [
  0xff,
  marker,
  ...be16(data.length + 2),
  ...data,
];
const exif = (orientation: number) => [
  ...text("Exif\0\0MM\0*"),
  ...[...be32(8), ...be16(2)],
  ...[...be16(0x0103), ...be16(3), ...be32(1), ...be16(6), 0, 0],
  ...[...be16(0x0112), ...be16(3), ...be32(1), ...be16(orientation), 0, 0],
  ...[...be32(0), ...text(SECRET)],
];
const JFIF = segment(0xe0, [...text("JFIF\0"), 1, 2, 0, 0, 1, 0, 1, 0, 0]);
const FRAME = segment(0xc0, [8, 0, 3, 0, 2, 1, 1, 0x11, 0]);
// A scan with an escaped 0xff, a restart marker, and fill bytes before the end.
const SCAN = [...segment(0xda, [1, 1, 0, 0, 63, 0]), 1, 0xff, 0, 2, 0xff, 0xd3, 3, 0xff];
const jpeg = (...metadata: readonly number[][]) => [
  ...[0xff, 0xd8, ...JFIF, ...metadata.flat(), ...FRAME, ...SCAN],
  ...[0xff, 0xd9],
];

const chunk = (type: string, data: readonly number[]) => [
  ...be32(data.length),
  ...text(type),
  ...data,
  0,
  0,
  0,
  0,
];
const png = (...metadata: readonly number[][]) => [
  ...text("\x89PNG\r\n\x1a\n"),
  ...[
    ...chunk("IHDR", Array(13).fill(1)),
    ...metadata.flat(),
    ...chunk("IDAT", [1, 2]),
    ...chunk("IEND", []),
  ],
];

const riff = (type: string, data: readonly number[]) => [
  ...[...text(type), ...le32(data.length), ...data],
  ...(data.length % 2 ? [0] : []),
];
function webp(flags: number, ...metadata: readonly number[][]): number[] {
  const chunks = [
    ...riff("VP8X", [flags, ...Array(9).fill(0)]),
    ...riff("VP8 ", [1, 2, 3]),
    ...metadata.flat(),
  ];
  return [...text("RIFF"), ...le32(chunks.length + 4), ...text("WEBP"), ...chunks];
}

const blocks = (data: string) => [data.length, ...text(data), 0];
const gif = (...metadata: readonly number[][]) => [
  ...[...text("GIF89a"), 2, 0, 3, 0, 0x80, 0, 0, ...Array(6).fill(7)],
  ...[0x21, 0xff, ...blocks("NETSCAPE2.0").slice(0, -1), 3, 1, 0, 0, 0],
  ...metadata.flat(),
  ...[0x21, 0xf9, 4, 1, 2, 3, 4, 0, 0x2c, 0, 0, 0, 0, 2, 0, 3, 0, 0x80, ...Array(6).fill(9), 2, 2, 1, 2, 0],
  0x3b,
];

function stripped(image: readonly number[]): number[] | undefined {
  return strippedParts(new Uint8Array(image))?.flatMap(part => [...part]);
}

const cases: readonly (readonly [string, number[], number[]])[] = [
  ["the comment of a JPEG image", jpeg(segment(0xfe, text(SECRET))), jpeg()],
  ["the Exif data of a JPEG image", jpeg(segment(0xe1, exif(1))), jpeg()],
  [
    "the XMP data of a JPEG image",
    jpeg(segment(0xe1, text(`http://ns.adobe.com/xap/1.0/\0${SECRET}`))),
    jpeg(),
  ],
  ["a maker's data in a JPEG image", jpeg(segment(0xe2, text(`MPF\0${SECRET}`))), jpeg()],
  ["a thumbnail in a JPEG image", jpeg(segment(0xe0, text(`JFXX\0${SECRET}`))), jpeg()],
  ["what follows a JPEG image", [...jpeg(), ...text(SECRET)], jpeg()],
  ["a text in a PNG image", png(chunk("tEXt", text(SECRET)), chunk("zTXt", [1]), chunk("iTXt", [2])), png()],
  ["the Exif data of a PNG image", png(chunk("eXIf", text(SECRET)), chunk("tIME", [1])), png()],
  ["what follows a PNG image", [...png(), ...text(SECRET)], png()],
  ["the metadata of a WebP image", webp(0x0c, riff("EXIF", text(SECRET)), riff("XMP ", [1])), webp(0)],
  ["what follows a WebP image", [...webp(0x10), ...text(SECRET)], webp(0x10)],
  ["the comment of a GIF image", gif([0x21, 0xfe, ...blocks(SECRET)]), gif()],
  ["a program's data in a GIF image", gif([0x21, 0xff, ...blocks(`XMP DataXMP${SECRET}`)]), gif()],
];

it.each(cases)("removes %s, and nothing else", (_, image, clean) => {
  expect(stripped(image)).toEqual(clean);
});

it("keeps what the picture needs: colors, animation, and how a photo is turned", () => {
  const colors = segment(0xe2, text("ICC_PROFILE\0\x01\x01data"));
  const adobe = segment(0xee, text("Adobe\0"));
  expect(stripped(jpeg(colors, adobe))).toEqual(jpeg(colors, adobe));
  const animated = png(chunk("acTL", [1]), chunk("iCCP", [2]), chunk("tRNS", [3]));
  expect(stripped(animated)).toEqual(animated);
  expect(stripped(webp(0x12, riff("ANMF", [1, 2])))).toEqual(webp(0x12, riff("ANMF", [1, 2])));
  const turned = stripped(jpeg(segment(0xe1, exif(6)))) ?? [];
  expect(String.fromCharCode(...turned)).not.toContain(SECRET);
  // The orientation is the only entry.
  const kept = segment(0xe1, [
    ...[...text("Exif\0\0MM\0*"), ...be32(8), ...be16(1)],
    ...[...be16(0x0112), ...be16(3), ...be32(1), ...be16(6), 0, 0, ...be32(0)],
  ]);
  expect(turned).toEqual(jpeg(kept));
});

it("keeps a JPEG image that was cut off, as browsers show it", () => {
  const cut = jpeg(segment(0xfe, text(SECRET))).slice(0, -4);
  expect(stripped(cut)).toEqual(jpeg().slice(0, -4));
});

it("leaves everything else alone, whatever bytes it has", () => {
  expect(stripped(text("hello"))).toBeUndefined();
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let round = 0; round < 3_000; round += 1) {
    const image = [...(cases[random(cases.length)]?.[1] ?? [])];
    for (let change = 0; change < 1 + random(4); change += 1) image[random(image.length)] = random(256);
    const found = stripped(image.slice(0, random(4) ? undefined : random(image.length)));
    expect(found === undefined || found.length <= image.length + 36).toBe(true);
    // Nothing is left to remove.
    if (found) expect(stripped(found)).toEqual(found);
  }
});
