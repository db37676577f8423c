import { plural } from "./plural";
import type { StatusDictionary } from "./status.en";

const count = plural("ru");

export const ru: StatusDictionary = {
  title: "Состояние",
  fine: "Все службы работают.",
  missing: names => `Не работает: ${names}.`,
  notReady: name => `Служба ${name} не готова.`,
  lags: (name, n) =>
    `${name}: отставание на ${count(n, { one: "# сообщение", few: "# сообщения", other: "# сообщений" })}.`,
  clock: "Часы шлюза и брокера расходятся, поэтому обратный отсчёт неточен.",
  noBroker: "Проблема на сервере: брокер сообщений недоступен.",
  noGateway: "Сервер не отвечает. Недоступна сеть или сам сервер.",
  offline: "Это устройство не в сети.",
  forbidden: "Чтобы видеть состояние служб, нужна роль наблюдателя.",
  asking: "Проверяем…",
  page: "Эта страница",
  gateway: "Шлюз",
  broker: "Брокер",
  services: "Службы",
  streams: "Потоки",
  ms: n => `${n} мс`,
  up: time => `работает ${time}`,
  requests: n => count(n, { one: "# запрос", few: "# запроса", other: "# запросов" }),
  refusals: n => count(n, { one: "# отказ", few: "# отказа", other: "# отказов" }),
  inFlight: n => count(n, { other: "# выполняется" }),
  sockets: n => count(n, { one: "# сокет", few: "# сокета", other: "# сокетов" }),
  live: n => count(n, { one: "# поток событий", few: "# потока событий", other: "# потоков событий" }),
  messages: n => count(n, { one: "# сообщение", few: "# сообщения", other: "# сообщений" }),
  copies: n => count(n, { one: "# копия", few: "# копии", other: "# копий" }),
  consumers: n => count(n, { one: "# потребитель", few: "# потребителя", other: "# потребителей" }),
  lag: n => (n === 0 ? "очередь пуста" : count(n, { other: "в очереди: #" })),
};
