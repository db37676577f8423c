import { plural } from "./plural";
import type { StatusDictionary } from "./status.en";

const count = plural("ru");

export const ru: StatusDictionary = {
  title: "Состояние",
  fine: "Всё отвечает.",
  missing: names => `Не хватает: ${names}.`,
  notReady: (name, reason) => `${name} не готов к работе: ${reason}.`,
  lags: (name, n) =>
    `${name}: отставание ${count(n, { one: "# сообщение", few: "# сообщения", other: "# сообщений" })}.`,
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
  requests: n => count(n, { one: "# запрос", few: "# запроса", other: "# запросов" }),
  refusals: n => count(n, { one: "# отказ", few: "# отказа", other: "# отказов" }),
  inFlight: n => count(n, { other: "# в работе" }),
  sockets: n => count(n, { one: "# сокет", few: "# сокета", other: "# сокетов" }),
  live: n => count(n, { one: "# поток событий", few: "# потока событий", other: "# потоков событий" }),
  messages: n => count(n, { one: "# сообщение", few: "# сообщения", other: "# сообщений" }),
  copies: n => count(n, { one: "# копия", few: "# копии", other: "# копий" }),
  consumers: n => count(n, { one: "# читатель", few: "# читателя", other: "# читателей" }),
  lag: n => (n === 0 ? "ничего не ждёт" : count(n, { one: "ждёт #", other: "ждут #" })),
};
