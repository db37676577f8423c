import type { RestrictionKind } from "../../contract/generated";
import { type Language, plural } from "../../i18n/plural";

const HOUR = 3_600;
const DAY = 24 * HOUR;
const [countEn, countRu] = [plural("en"), plural("ru")];

const en = {
  what: "What to do",
  actions: { remove: "Remove the message", mute: "Mute", ban: "Ban the name", address: "Ban an address" },
  hints: {
    remove: "Its text is erased for everybody and can't be brought back.",
    mute: "They go on reading, and are told that they can't write.",
    ban: "They are sent away and can't come back under this name.",
    address: "Everybody from there is sent away and kept out, whoever else has this address too.",
  },
  from: "Which address",
  addressSeen: (address: string, when: string) => `${address} (${when})`,
  noAddress: "Nobody by this name has been connected in the last day, as far as the gateways remember.",
  howLong: "For how long",
  duration: (seconds: number) =>
    seconds < HOUR
      ? countEn(seconds / 60, { one: "# minute", other: "# minutes" })
      : seconds < DAY
        ? countEn(seconds / HOUR, { one: "# hour", other: "# hours" })
        : countEn(seconds / DAY, { one: "# day", other: "# days" }),
  untilLifted: "Until it is lifted",
  reason: "Why (they are told)",
  reasonKept: "Why (kept in the audit)",
  confirm: { remove: "Remove", mute: "Mute", ban: "Ban", address: "Ban the address" },
  done: {
    remove: "The message is removed",
    mute: "They are muted",
    ban: "They are banned",
    address: "The address is banned",
  },
  active: (kind: RestrictionKind, until = "") =>
    `${kind === "mute" ? "Muted" : "Banned"} ${until ? `until ${until}` : "until it is lifted"}.`,
  lift: "Lift",
  liftOf: (whom: string) => `Lift: ${whom}`,
  lifted: "Lifted",
  list: "Mutes and bans",
  nothing: "Nobody is muted or banned.",
  loading: "Loading…",
  find: "Find",
  noMatch: "Nothing matches.",
  by: (who: string, when: string) => `by ${who}, ${when}`,
  newAddress: "Address to ban",
  addressHint: "Such as 203.0.113.7 or 2001:db8::7; of version 6 the whole network of 64 bits.",
  close: "Close",
};

const ru: typeof en = {
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
      ? countRu(seconds / 60, { one: "# минута", few: "# минуты", other: "# минут" })
      : seconds < DAY
        ? countRu(seconds / HOUR, { one: "# час", few: "# часа", other: "# часов" })
        : countRu(seconds / DAY, { one: "# день", few: "# дня", other: "# дней" }),
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

/** The words of the moderator's dialogs, loaded with them. */
export const moderationDictionaries: Readonly<Record<Language, typeof en>> = { en, ru };
