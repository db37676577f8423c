import type { Instance } from "../../contract/generated";
import { unmarked } from "../../i18n/isolate";
import { labelOf } from "../../i18n/label";
import { formatFullTime, formatMessageTime } from "../../text/format";
import { useApp } from "../app-context";
import { MessageText } from "../chat/message/message-text";
import { goTo, hrefs, place } from "../place";
import { roomLabel } from "../rooms/room-label";
import { Sentence } from "../sentence";
import { dictionary, language } from "../settings/preferences";
import { Time } from "../time";
import { incidentsDictionary } from "./incidents-dictionary";
import { type Past, type PastRow, usePast } from "./use-past";

/** The sequence number of the address; 0 if it has none. */
function momentIn(query: string): number {
  const at = new URLSearchParams(query).get("at");
  return at !== null && /^\d{1,16}$/.test(at) ? Number(at) : 0;
}

function Row({ row }: { readonly row: PastRow }) {
  const t = incidentsDictionary.value;
  const who = row.message.user?.name;
  return (
    <li class="past-row">
      <p class="message-head">
        {who !== undefined && <bdi class="message-author">{who}</bdi>}{" "}
        <Time at={row.at} format={formatMessageTime} />
      </p>
      {row.kind === "message" ? (
        <MessageText text={row.message.text} />
      ) : (
        <p class="message-removed">{row.message.removed ? t.erasedRemoved : t.erasedEdited}</p>
      )}
    </li>
  );
}

function Server({ instance }: { readonly instance: Instance }) {
  const { cloud } = dictionary.value;
  const { name, state, pending, condition } = instance;
  const what = pending ? labelOf(cloud.pending, pending.command) : labelOf(cloud.states, state);
  const isBad = condition !== undefined && condition !== "ok";
  return (
    <li>
      <span class="dot" data-state={isBad ? "problem" : pending ? "pending" : state} aria-hidden="true" />{" "}
      <bdi>{name}</bdi> <span class="hint">{what}</span>
    </li>
  );
}

function Servers({ servers }: Pick<Past, "servers">) {
  const t = incidentsDictionary.value;
  if (servers === undefined) return null;
  return (
    <section class="past-servers" aria-label={t.pastServers}>
      <h2>{t.pastServers}</h2>
      {servers === null ? (
        <p class="hint">{t.serversUnknown}</p>
      ) : servers.length === 0 ? (
        <p class="hint">{t.noServers}</p>
      ) : (
        <ul>
          {servers.map(one => (
            <Server key={one.id} instance={one} />
          ))}
        </ul>
      )}
    </section>
  );
}

interface StepsProps extends Past {
  readonly room: string;
}

/** The buttons that go through the past, one message at a time. */
function Steps({ room, rows, later }: StepsProps) {
  const t = incidentsDictionary.value;
  const before = rows?.at(-2)?.seq;
  const step = (seq: number | undefined, label: string, icon: string) => (
    <button
      type="button"
      class="button small"
      disabled={seq === undefined}
      onClick={() => seq !== undefined && goTo(hrefs.past(room, seq), { replace: true })}
    >
      <span class={`icon icon-${icon}`} aria-hidden="true" /> {label}
    </button>
  );
  return (
    <div class="past-steps">
      {step(before, t.earlier, "undo")}
      {step(later, t.later, "restart")}
      <a class="button small" href={hrefs.room(room)}>
        {t.now}
      </a>
    </div>
  );
}

/** A room and the servers as they were at a moment. One can look and step, and change nothing. */
export default function PastView() {
  const { rooms, me } = useApp().store.chat.value;
  const { id: room = "", query } = place.value;
  const past = usePast(room, momentIn(query));
  const { rows, time, servers, problem } = past;
  const t = incidentsDictionary.value;
  const state = rooms.get(room);
  const title = t.pastTitle(state ? roomLabel(state, me) : room);
  return (
    <section class="people-view past" aria-label={unmarked(title)}>
      <header class="people-head">
        <h1>
          <Sentence text={title} />
        </h1>
        <Steps {...past} room={room} />
      </header>
      <div class="people-body">
        {problem ? (
          <p class="problem" role="alert">
            {t.pastFailed} {dictionary.value.error(problem)}
          </p>
        ) : (
          rows && (
            <div class="past-banner" role="status">
              {time !== undefined && <p>{t.pastBanner(formatFullTime(language.value, time))}</p>}
              <p class="hint">{t.pastNote}</p>
            </div>
          )
        )}
        {rows && (
          <div class="past-columns">
            <section aria-label={t.pastMessages}>
              <h2>{t.pastMessages}</h2>
              {rows.length === 0 ? (
                <p class="hint">{t.noMessages}</p>
              ) : (
                <ol>
                  {rows.map(row => (
                    <Row key={row.seq} row={row} />
                  ))}
                </ol>
              )}
            </section>
            <Servers servers={servers} />
          </div>
        )}
      </div>
    </section>
  );
}
