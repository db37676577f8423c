import { plural } from "./plural";

const count = plural("en");

/** The texts of files, in a separate dictionary that is loaded with them. */
export const en = {
  attach: "Attach files",
  drop: "Drop files to attach them",
  attached: "Attached files",
  cancel: (name: string) => `Remove ${name}`,
  retry: (name: string) => `Upload ${name} again`,
  uploading: (percent: number) => `${percent} %`,
  tooMany: (n: number) => count(n, { one: "# file a message at most", other: "# files a message at most" }),
  files: (n: number) => count(n, { one: "# file", other: "# files" }),
  download: (name: string, size: string) => `Download ${name}, ${size}`,
  downloading: "Downloading…",
  loading: "Loading image…",
  fullSize: "Full size",
  failed: "The file can't be loaded.",
  open: (name: string) => `Open image ${name}`,
  gallery: "Images of the room",
  position: (n: number, all: number) => `${n} of ${all}`,
  previous: "Previous image",
  next: "Next image",
  close: "Close",
  units: ["B", "KB", "MB", "GB"] as readonly string[],
};

export type FilesDictionary = typeof en;
