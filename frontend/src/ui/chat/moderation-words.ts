import type { RestrictionKind } from "../../contract/generated";
import { type Language, plural } from "../../i18n/plural";

const HOUR = 3_600;
const DAY = 24 * HOUR;
const [countEn, countRu] = [plural("en"), plural("ru")];

const en = {
  what: "What to do",
  deeds: { remove: "Remove the message", mute: "Mute", ban: "Ban the name" },
  hints: {
    remove: "Its text is erased for everybody and can't be brought back.",
    mute: "They go on reading, and are told that they can't write.",
    ban: "They are sent away and can't come back under this name. To keep out an address, use the API.",
  },
  howLong: "For how long",
  span: (seconds: number) =>
    seconds < HOUR
      ? countEn(seconds / 60, { one: "# minute", other: "# minutes" })
      : seconds < DAY
        ? countEn(seconds / HOUR, { one: "# hour", other: "# hours" })
        : countEn(seconds / DAY, { one: "# day", other: "# days" }),
  untilLifted: "Until it is lifted",
  reason: "Why (they are told)",
  reasonKept: "Why (kept in the audit)",
  confirm: { remove: "Remove", mute: "Mute", ban: "Ban" },
  done: { remove: "The message is removed", mute: "They are muted", ban: "They are banned" },
  held: (kind: RestrictionKind, until = "") =>
    `${kind === "mute" ? "Muted" : "Banned"} ${until ? `until ${until}` : "until it is lifted"}.`,
  lift: "Lift",
  lifted: "Lifted",
};

const ru: typeof en = {
  what: "Что сделать",
  deeds: { remove: "Удалить сообщение", mute: "Запретить писать", ban: "Заблокировать имя" },
  hints: {
    remove: "Текст будет стёрт у всех, вернуть его нельзя.",
    mute: "Человек читает дальше и узнаёт, что писать не может.",
    ban: "Человек будет отключён и не вернётся под этим именем. Адрес можно закрыть через API.",
  },
  howLong: "На какой срок",
  span: seconds =>
    seconds < HOUR
      ? countRu(seconds / 60, { one: "# минута", few: "# минуты", other: "# минут" })
      : seconds < DAY
        ? countRu(seconds / HOUR, { one: "# час", few: "# часа", other: "# часов" })
        : countRu(seconds / DAY, { one: "# день", few: "# дня", other: "# дней" }),
  untilLifted: "Пока не снимут",
  reason: "Почему (человек это увидит)",
  reasonKept: "Почему (останется в журнале)",
  confirm: { remove: "Удалить", mute: "Запретить писать", ban: "Заблокировать" },
  done: { remove: "Сообщение удалено", mute: "Писать запрещено", ban: "Имя заблокировано" },
  held: (kind, until = "") =>
    `${kind === "mute" ? "Писать запрещено" : "Заблокировано"} ${until ? `до ${until}` : "до снятия"}.`,
  lift: "Снять",
  lifted: "Снято",
};

/** The words of the moderator's dialog, loaded with it. */
export const moderationWords: Readonly<Record<Language, typeof en>> = { en, ru };
