import type { ModerationDictionary } from "./moderation.en";
import { plural } from "./plural";

const HOUR = 3_600;
const DAY = 24 * HOUR;
const count = plural("ru");

export const ru: ModerationDictionary = {
  what: "Что сделать",
  actions: {
    remove: "Удалить сообщение",
    mute: "Запретить писать",
    ban: "Заблокировать имя",
    address: "Заблокировать адрес",
  },
  hints: {
    remove: "Текст будет стёрт у всех, вернуть его нельзя.",
    mute: "Человек читает дальше и узнаёт, что писать не может.",
    ban: "Человек будет отключён и не вернётся под этим именем.",
    address: "Все, кто оттуда, будут отключены и не войдут, в том числе другие люди с тем же адресом.",
  },
  from: "Какой адрес",
  addressSeen: (address, when) => `${address} (${when})`,
  noAddress: "Насколько помнят шлюзы, под этим именем за последние сутки никто не подключался.",
  howLong: "На какой срок",
  duration: seconds =>
    seconds < HOUR
      ? count(seconds / 60, { one: "# минута", few: "# минуты", other: "# минут" })
      : seconds < DAY
        ? count(seconds / HOUR, { one: "# час", few: "# часа", other: "# часов" })
        : count(seconds / DAY, { one: "# день", few: "# дня", other: "# дней" }),
  untilLifted: "Пока не снимут",
  reason: "Почему (человек это увидит)",
  reasonKept: "Почему (останется в журнале)",
  confirm: {
    remove: "Удалить",
    mute: "Запретить писать",
    ban: "Заблокировать",
    address: "Заблокировать адрес",
  },
  done: {
    remove: "Сообщение удалено",
    mute: "Писать запрещено",
    ban: "Имя заблокировано",
    address: "Адрес заблокирован",
  },
  active: (kind, until = "") =>
    `${kind === "mute" ? "Писать запрещено" : "Заблокировано"} ${until ? `до ${until}` : "до снятия"}.`,
  lift: "Снять",
  liftOf: whom => `Снять: ${whom}`,
  lifted: "Снято",
  list: "Запреты и блокировки",
  nothing: "Запретов и блокировок нет.",
  loading: "Загружаем…",
  find: "Найти",
  noMatch: "Ничего не подходит.",
  by: (who, when) => `${who}, ${when}`,
  newAddress: "Какой адрес",
  addressHint: "Например, 203.0.113.7 или 2001:db8::7; у версии 6 — вся сеть из 64 бит.",
  close: "Закрыть",
};
