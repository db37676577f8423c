import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { ReplicaStatus, Status, StreamStatus } from "../../contract/generated";
import { language } from "../settings/preferences";
import { diagnose, type StatusResult } from "./diagnosis";
import { statusDictionary } from "./status-dictionary";
import { formatBytes, formatDuration, formatMilliseconds } from "./units";
import { useStatus } from "./use-status";

/** The path from the page to the broker with the latency of each hop; it shows where the path is interrupted. */
function NetworkPath({ result }: { readonly result: StatusResult }) {
  const t = statusDictionary.value;
  const response = result.kind === "ok" ? result : undefined;
  const gatewayAnswers = response !== undefined || result.kind === "noBroker";
  const step = (works: boolean, ms: number | undefined) => (
    <span class="way-step" data-works={works}>
      {ms === undefined ? "" : t.ms(formatMilliseconds(language.value, ms))}
    </span>
  );
  return (
    <p class="way">
      <strong>{t.page}</strong>
      {step(gatewayAnswers, response?.networkMs)}
      <strong>{t.gateway}</strong>
      {step(response !== undefined, response?.status.roundTripMs)}
      <strong>
        {t.broker} {response?.status.brokerVersion}
      </strong>
    </p>
  );
}

interface EntryProps {
  readonly name: string;
  readonly aside: string;
  readonly facts: readonly (string | false)[];
  readonly mood?: "warn" | undefined;
}

const Entry = ({ name, aside, facts, mood }: EntryProps) => (
  <li class="entry" data-mood={mood}>
    <p class="entry-head">
      <strong>{name}</strong> <code>{aside}</code>
    </p>
    <p class="entry-facts">
      {facts.filter(Boolean).map(fact => (
        <span key={fact}>{fact}</span>
      ))}
    </p>
  </li>
);

function Replica({ one, at }: { readonly one: ReplicaStatus; readonly at: number }) {
  const t = statusDictionary.value;
  const { service, id, version, startedAt, requests, refusals, inFlight, sockets, streams } = one;
  const facts = [
    t.up(formatDuration(language.value, (at - Date.parse(startedAt)) / 1000)),
    sockets !== undefined && t.sockets(sockets),
    streams !== undefined && t.live(streams),
    // A gateway's own NATS requests are only those of this view.
    sockets === undefined && t.requests(requests),
    sockets === undefined && t.inFlight(inFlight),
    sockets === undefined && t.refusals(refusals),
  ];
  return <Entry name={service} aside={`${version} · ${id.slice(0, 8)}`} facts={facts} />;
}

function Stream({ one }: { readonly one: StreamStatus }) {
  const t = statusDictionary.value;
  const facts = [t.messages(one.messages), t.consumers(one.consumers), t.copies(one.copies), t.lag(one.lag)];
  return (
    <Entry
      name={one.name}
      aside={formatBytes(language.value, one.sizeBytes)}
      facts={facts}
      mood={one.lag > 0 ? "warn" : undefined}
    />
  );
}

const Part = ({ title, children }: { readonly title: string; readonly children: ComponentChildren }) => (
  <section class="status-part" aria-label={title}>
    <h2>{title}</h2>
    <ul>{children}</ul>
  </section>
);

function StatusSections({ status }: { readonly status: Status }) {
  const t = statusDictionary.value;
  return (
    <>
      <Part title={t.services}>
        {status.replicas.map(one => (
          <Replica key={one.id} one={one} at={Date.parse(status.at)} />
        ))}
      </Part>
      <Part title={t.streams}>
        {status.streams.map(one => (
          <Stream key={one.name} one={one} />
        ))}
      </Part>
    </>
  );
}

/** The status of the portal for operators. `announce` has screen readers announce the result. */
export default function StatusView({ announce }: { readonly announce: (text: string) => void }) {
  const result = useStatus();
  const t = statusDictionary.value;
  const { mood, text, detail } = diagnose(result, t);
  useEffect(() => {
    if (mood !== "unknown") announce(text);
  }, [announce, mood, text]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable areas must be reachable by keyboard
    <section class="status" aria-label={t.title} tabIndex={0}>
      <h1 class="visually-hidden">{t.title}</h1>
      <div class="status-verdict" data-mood={mood}>
        <p class="verdict">
          <span class="dot" aria-hidden="true" />
          {text}
        </p>
        {detail && (
          <p class="hint" lang="en">
            <code>{detail}</code>
          </p>
        )}
        {result.kind !== "forbidden" && <NetworkPath result={result} />}
      </div>
      {result.kind === "ok" && <StatusSections status={result.status} />}
    </section>
  );
}
