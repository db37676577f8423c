import { plural } from "./plural";

const count = plural("en");

/** The texts of the status view: a dictionary of its own, because it is loaded with the view. */
export const en = {
  title: "Status",
  fine: "Everything answers.",
  missing: (names: string) => `Missing: ${names}.`,
  notReady: (name: string, reason: string) => `${name} is not ready: ${reason}.`,
  lags: (name: string, n: number) =>
    `${name}: ${count(n, { one: "# message", other: "# messages" })} behind.`,
  clock: "The gateway's clock and the broker's differ: due times are off.",
  noBroker: "The gateway answers, its broker doesn't: it's us.",
  noGateway: "No answer: the network, or the gateway itself.",
  offline: "This device has no network.",
  forbidden: "How the services do is for viewers and above.",
  asking: "Asking…",
  page: "This page",
  gateway: "Gateway",
  broker: "Broker",
  services: "Services",
  streams: "Streams",
  ms: (n: string) => `${n} ms`,
  up: (time: string) => `up ${time}`,
  requests: (n: number) => count(n, { one: "# request", other: "# requests" }),
  refusals: (n: number) => count(n, { other: "# refused" }),
  inFlight: (n: number) => count(n, { other: "# under way" }),
  sockets: (n: number) => count(n, { one: "# socket", other: "# sockets" }),
  live: (n: number) => count(n, { one: "# event stream", other: "# event streams" }),
  messages: (n: number) => count(n, { one: "# message", other: "# messages" }),
  copies: (n: number) => count(n, { one: "# copy", other: "# copies" }),
  consumers: (n: number) => count(n, { one: "# consumer", other: "# consumers" }),
  lag: (n: number) => (n === 0 ? "nothing waits" : count(n, { one: "# waits", other: "# wait" })),
};

export type StatusDictionary = typeof en;
