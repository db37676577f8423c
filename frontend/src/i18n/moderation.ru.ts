import { isolated } from "./isolate";
import type { ModerationDictionary } from "./moderation.en";
import { plural } from "./plural";

const HOUR = 3_600;
const DAY = 24 * HOUR;
const count = plural("ru");

export const ru: ModerationDictionary = {
  what: "Действие",
  actions: {
    remove: "Удалить сообщение",
    mute: "Запретить писать",
    ban: "Заблокировать имя",
    address: "Заблокировать адрес",
  },
  hints: {
    remove: "Текст удалится у всех. Вернуть его нельзя.",
    mute: "Человек сможет читать и увидит, что ему запретили писать.",
    ban: "Человек отключится и не сможет вернуться под этим именем.",
    address: "Все с этим адресом отключатся и не смогут вернуться, в том числе другие люди.",
  },
  from: "Адрес",
  addressSeen: (address, when) => `${address} (${when})`,
  noAddress: "За последние сутки подключений под этим именем не было.",
  howLong: "Срок",
  duration: seconds =>
    seconds < HOUR
      ? count(seconds / 60, { one: "# минута", few: "# минуты", other: "# минут" })
      : seconds < DAY
        ? count(seconds / HOUR, { one: "# час", few: "# часа", other: "# часов" })
        : count(seconds / DAY, { one: "# день", few: "# дня", other: "# дней" }),
  untilLifted: "Пока не снимут",
  reason: "Причина (человек её увидит)",
  reasonInvalid: "В причине есть символы, которые нельзя показать.",
  reasonKept: "Причина (сохранится в журнале аудита)",
  confirm: {
    remove: "Удалить",
    mute: "Запретить писать",
    ban: "Заблокировать",
    address: "Заблокировать адрес",
  },
  done: {
    remove: "Сообщение удалено",
    mute: "Запрет установлен",
    ban: "Имя заблокировано",
    address: "Адрес заблокирован",
  },
  active: (kind, until = "") =>
    `${kind === "mute" ? "Писать запрещено" : "Заблокировано"} ${until ? `до ${until}` : "бессрочно"}.`,
  lift: "Снять",
  liftOf: whom => `Снять: ${whom}`,
  lifted: "Снято",
  list: "Запреты и блокировки",
  nothing: "Запретов и блокировок нет.",
  loading: "Загрузка…",
  find: "Найти",
  noMatch: "Ничего не найдено.",
  by: (who, when) => `${isolated(who)}, ${when}`,
  newAddress: "Адрес для блокировки",
  addressInvalid: "Введите IP-адрес, но не свой.",
  addressHint: "Например, 203.0.113.7 или 2001:db8::7. Адрес IPv6 означает всю его сеть /64.",
  close: "Закрыть",
};
