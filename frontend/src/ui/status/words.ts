import { type Language, plural } from "../../i18n/plural";

// Apart from the other words, and loaded with the view: few people ever look at it.

const en = {
  title: "Status",
  fine: "Everything answers.",
  missing: (names: string) => `Missing: ${names}.`,
  lags: (name: string, n: number) =>
    `${name}: ${count.en(n, { one: "# message", other: "# messages" })} behind.`,
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
  requests: (n: number) => count.en(n, { one: "# request", other: "# requests" }),
  refusals: (n: number) => count.en(n, { other: "# refused" }),
  inFlight: (n: number) => count.en(n, { other: "# under way" }),
  sockets: (n: number) => count.en(n, { one: "# socket", other: "# sockets" }),
  live: (n: number) => count.en(n, { one: "# event stream", other: "# event streams" }),
  messages: (n: number) => count.en(n, { one: "# message", other: "# messages" }),
  copies: (n: number) => count.en(n, { one: "# copy", other: "# copies" }),
  consumers: (n: number) => count.en(n, { one: "# consumer", other: "# consumers" }),
  lag: (n: number) => (n === 0 ? "nothing waits" : count.en(n, { one: "# waits", other: "# wait" })),
};

export type StatusDictionary = typeof en;

const ru: StatusDictionary = {
  title: "Состояние",
  fine: "Всё отвечает.",
  missing: names => `Не хватает: ${names}.`,
  lags: (name, n) =>
    `${name}: отставание ${count.ru(n, { one: "# сообщение", few: "# сообщения", other: "# сообщений" })}.`,
  clock: "Часы шлюза и брокера расходятся: сроки команд неточны.",
  noBroker: "Шлюз отвечает, его брокер — нет: дело в нас.",
  noGateway: "Ответа нет: сеть или сам шлюз.",
  offline: "У этого устройства нет сети.",
  forbidden: "Состояние служб видят наблюдатели и выше.",
  asking: "Спрашиваем…",
  page: "Эта страница",
  gateway: "Шлюз",
  broker: "Брокер",
  services: "Службы",
  streams: "Потоки",
  ms: n => `${n} мс`,
  up: time => `работает ${time}`,
  requests: n => count.ru(n, { one: "# запрос", few: "# запроса", other: "# запросов" }),
  refusals: n => count.ru(n, { one: "# отказ", few: "# отказа", other: "# отказов" }),
  inFlight: n => count.ru(n, { other: "# в работе" }),
  sockets: n => count.ru(n, { one: "# сокет", few: "# сокета", other: "# сокетов" }),
  live: n => count.ru(n, { one: "# поток событий", few: "# потока событий", other: "# потоков событий" }),
  messages: n => count.ru(n, { one: "# сообщение", few: "# сообщения", other: "# сообщений" }),
  copies: n => count.ru(n, { one: "# копия", few: "# копии", other: "# копий" }),
  consumers: n => count.ru(n, { one: "# читатель", few: "# читателя", other: "# читателей" }),
  lag: n => (n === 0 ? "ничего не ждёт" : count.ru(n, { one: "ждёт #", other: "ждут #" })),
};

const count = { en: plural("en"), ru: plural("ru") };

export const statusDictionaries: Record<Language, StatusDictionary> = { en, ru };

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

/** For how long, in its largest unit: `2 hr`. */
export function formatDuration(language: Language, seconds: number): string {
  const [unit, length] = UNITS.find(([, one]) => seconds >= one) ?? ["second", 1];
  return new Intl.NumberFormat(language, { style: "unit", unit }).format(
    Math.floor(Math.max(0, seconds) / length),
  );
}

/** Bytes in the largest unit of a thousand: `1.2 MB`. */
export function formatBytes(language: Language, bytes: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const format = { style: "unit", unit: units[power] ?? "byte", maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(language, format).format(bytes / 1000 ** power);
}

export const formatMilliseconds = (language: Language, ms: number): string =>
  statusDictionaries[language].ms(
    new Intl.NumberFormat(language, { maximumSignificantDigits: 2 }).format(ms),
  );
