import { plural } from "./plural";

const count = plural("en");

/** The texts of the status view, in a separate dictionary that is loaded with the view. */
export const en = {
  title: "Status",
  fine: "All services are running.",
  missing: (names: string) => `Not running: ${names}.`,
  notReady: (name: string) => `${name} isn't ready.`,
  lags: (name: string, n: number) =>
    `${name}: ${count(n, { one: "# message", other: "# messages" })} behind.`,
  clock: "The clocks of the gateway and the broker differ, so countdowns are off.",
  noBroker: "Server problem: the message broker is down.",
  noGateway: "No response from the server. The network or the server is down.",
  offline: "This device is offline.",
  forbidden: "You need the viewer role to see service status.",
  asking: "Checking…",
  page: "This page",
  gateway: "Gateway",
  broker: "Broker",
  services: "Services",
  streams: "Streams",
  ms: (n: string) => `${n} ms`,
  up: (time: string) => `up ${time}`,
  requests: (n: number) => count(n, { one: "# request", other: "# requests" }),
  refusals: (n: number) => count(n, { other: "# rejected" }),
  inFlight: (n: number) => count(n, { other: "# in progress" }),
  sockets: (n: number) => count(n, { one: "# socket", other: "# sockets" }),
  live: (n: number) => count(n, { one: "# event stream", other: "# event streams" }),
  messages: (n: number) => count(n, { one: "# message", other: "# messages" }),
  copies: (n: number) => count(n, { one: "# copy", other: "# copies" }),
  consumers: (n: number) => count(n, { one: "# consumer", other: "# consumers" }),
  lag: (n: number) => (n === 0 ? "queue empty" : count(n, { other: "# queued" })),
};

export type StatusDictionary = typeof en;
