/** A part of a line: plain text, or a node. Nothing in it is markup of the browser. */
export type Inline = string | Span | InlineCode | Link | Mention | Shortcode;

export interface Span {
  readonly type: "strong" | "em" | "del";
  readonly children: readonly Inline[];
}

export interface InlineCode {
  readonly type: "code";
  readonly text: string;
}

export interface Link {
  readonly type: "link";
  /** An address that the browser parses as http, https or mailto. */
  readonly href: string;
  /** Without links. */
  readonly children: readonly Inline[];
}

/** `@name`; whether there is somebody of that name is not known here. */
export interface Mention {
  readonly type: "mention";
  readonly name: string;
}

/** `:name:`, which may be the name of an emoji. */
export interface Shortcode {
  readonly type: "shortcode";
  readonly name: string;
}

export interface ListItem {
  /** The number that the writer gave it; absent if it has a bullet. */
  readonly value?: number;
  readonly children: readonly Block[];
}

export type Block =
  | { readonly type: "paragraph"; readonly children: readonly Inline[] }
  | { readonly type: "fence"; readonly language: string; readonly text: string }
  | { readonly type: "quote"; readonly children: readonly Block[] }
  | { readonly type: "list"; readonly isOrdered: boolean; readonly items: readonly ListItem[] };

/** Counts the characters that a scan has looked at, so that tests can show that the work is linear. */
export class Work {
  steps = 0;
}
