import type { ComponentChildren } from "preact";
import { hrefOf } from "../../../text/links";
import { WithServers } from "../message/with-servers";
import { cardsDictionary } from "./cards-dictionary";

/** How a card looks: by the status of what it is about. */
export type Tone = "bad" | "warn" | "good" | "busy" | "calm";

/** A status as a card shows it: never by its color alone. */
export interface CardState {
  readonly tone: Tone;
  readonly icon: "alert" | "eye" | "check" | "info" | "clock" | "close" | "undo";
  readonly word: string;
}

/** The address of a link from outside; undefined unless it leads to the web. */
export function webAddress(address: string | undefined): string | undefined {
  const href = address === undefined ? undefined : hrefOf(address);
  return href?.startsWith("http") ? href : undefined;
}

interface CardFrameProps {
  readonly state: CardState;
  readonly title: string;
  readonly link?: string | undefined;
  /** What is beside the title. */
  readonly note?: ComponentChildren;
  readonly children?: ComponentChildren;
}

/** What all cards have: a status with its icon and word, and what the card is about. */
export function CardFrame({ state, title, link, note, children }: CardFrameProps) {
  const { tone, icon, word } = state;
  const href = webAddress(link);
  return (
    <div class="card" data-tone={tone} role="group" aria-label={cardsDictionary.value.card(word, title)}>
      <div class="card-head">
        <span class="card-status">
          <span class={`icon icon-${icon}`} aria-hidden="true" />
          {word}
        </span>
        <strong class="card-title" dir="auto">
          {href ? (
            <a href={href} title={href} target="_blank" rel="noopener noreferrer nofollow ugc">
              {title}
            </a>
          ) : (
            <WithServers text={title} />
          )}
        </strong>
        {note && <span class="card-note">{note}</span>}
      </div>
      {children}
    </div>
  );
}
