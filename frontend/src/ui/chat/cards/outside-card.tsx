import type { Card } from "../../../contract/generated";
import { labelOf } from "../../../i18n/label";
import type { ShownRow } from "../../../state/chat/message-changes";
import { formatClock, formatMessageTime } from "../../../text/format";
import { hrefs } from "../../place";
import { Sentence } from "../../sentence";
import { Time } from "../../time";
import { MessageText } from "../message/message-text";
import { WithServers } from "../message/with-servers";
import { CardActions } from "./card-actions";
import { CardFrame, type CardState } from "./card-frame";
import { cardsDictionary } from "./cards-dictionary";
import { CardServers } from "./servers-card";

/** Up to this length, the value of a field has space beside another one. */
const SHORT_MAX = 36;
/** A card that was changed sooner than this after it was posted wasn't updated. */
const UPDATED_MS = 2_000;
const DAY_MS = 24 * 60 * 60_000;

type Look = Omit<CardState, "word">;

/** How each status looks; a newer server may send others. */
const LOOKS: Readonly<Record<string, Look>> = {
  firing: { tone: "bad", icon: "alert" },
  acknowledged: { tone: "warn", icon: "eye" },
  resolved: { tone: "good", icon: "check" },
  info: { tone: "calm", icon: "info" },
  running: { tone: "busy", icon: "clock" },
  succeeded: { tone: "good", icon: "check" },
  failed: { tone: "bad", icon: "close" },
};
const PLAIN: Look = { tone: "calm", icon: "info" };

/** The status that is stored with a card, as it is shown. */
export const stateOf = ({ status }: Pick<Card, "status">): CardState => ({
  ...(LOOKS[status] ?? PLAIN),
  word: labelOf(cardsDictionary.value.statuses, status),
});

function Fields({ fields }: Pick<Card, "fields">) {
  if (fields.length === 0) return null;
  return (
    <dl class="card-fields">
      {fields.map(({ name, value, short }, index) => {
        const isShort = short ?? (value.length <= SHORT_MAX && !value.includes("\n"));
        return (
          <div key={index} class={isShort ? "card-field" : "card-field wide"}>
            <dt>
              <bdi>{name}</bdi>
            </dt>
            <dd dir="auto">
              <WithServers text={value} />
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

interface CardProps {
  readonly message: ShownRow;
  readonly card: Card;
}

function Note({ message, card }: CardProps) {
  const t = cardsDictionary.value;
  const { severity, source, changedAt, acknowledgedBy } = card;
  const later = Date.parse(changedAt) - Date.parse(message.timestamp);
  const when = later < DAY_MS ? formatClock : formatMessageTime;
  return (
    <>
      {severity && `${labelOf(t.severities, severity)} · `}
      <Sentence text={t.from(source)} />
      {acknowledgedBy && (
        <>
          {" · "}
          <Sentence text={t.acknowledgedBy(acknowledgedBy)} />
        </>
      )}
      {later > UPDATED_MS && (
        <>
          {" · "}
          <Time at={changedAt} format={at => t.updated(when(at))} />
        </>
      )}
    </>
  );
}

/** A card of an alert, a deployment or an incident: what its source says, the servers as they are now, and buttons. */
export function OutsideCard({ message, card }: CardProps) {
  const { title, text, fields, link, instances } = card;
  return (
    <CardFrame state={stateOf(card)} title={title} link={link} note={<Note message={message} card={card} />}>
      {text && <MessageText text={text} />}
      <Fields fields={fields} />
      {instances && <CardServers ids={instances} />}
      <CardActions message={message} card={card} />
      {message.seq !== undefined && (
        <p class="card-past">
          <a href={hrefs.past(message.room, message.seq)}>{cardsDictionary.value.asItWas}</a>
        </p>
      )}
    </CardFrame>
  );
}
