import type { IncidentsDictionary } from "./incidents.en";
import { isolated } from "./isolate";
import { plural } from "./plural";

const count = plural("ru");

export const ru: IncidentsDictionary = {
  title: "Инциденты",
  about:
    "Треды со статусом и ведущим. Чтобы открыть инцидент, отправьте /incident в треде или /incident с названием.",
  help: "Как устроены инциденты",
  statuses: { open: "Открыт", acknowledged: "В работе", closed: "Закрыт" },
  show: "Показать",
  all: "Все",
  columns: { title: "Инцидент", status: "Статус", room: "Комната", lead: "Ведущий", opened: "Открыт" },
  openedBy: (when, who) => `${when}, ${isolated(who)}`,
  replies: n => count(n, { one: "# ответ", few: "# ответа", many: "# ответов", other: "# ответа" }),
  removed: "(первое сообщение удалено)",
  nobody: "пока никто",
  empty:
    "Инцидентов пока нет. Откройте первый командой /incident в комнате или кнопкой на карточке оповещения.",
  noMatch: "Инцидентов с таким статусом нет.",
  loading: "Загрузка инцидентов…",
  failed: "Не удалось загрузить инциденты.",
  retry: "Повторить",
  more: "Более ранние",
  head: "Инцидент",
  led: who => `ведёт ${isolated(who)}`,
  takeLead: "Взять на себя",
  close: "Закрыть инцидент",
  reopen: "Открыть снова",
  report: "Отчёт",
  reportTitle: "Скачать отчёт в формате Markdown",
  done: { lead: "Теперь инцидент ведёте вы", close: "Инцидент закрыт", reopen: "Инцидент снова открыт" },
  pastTitle: room => `${isolated(room)}: как было`,
  pastBanner: when => `Так было в ${when}. Здесь ничего нельзя изменить.`,
  pastNote: "Тексты, которые с тех пор изменили или удалили, стёрты: их больше никто не увидит.",
  now: "Вернуться к настоящему",
  earlier: "На сообщение раньше",
  later: "На сообщение позже",
  pastMessages: "Сообщения",
  pastServers: "Серверы",
  noMessages: "Сообщений не было.",
  noServers: "Серверов не было.",
  serversUnknown: "Состояние серверов в тот момент уже неизвестно.",
  pastFailed: "Этот момент показать нельзя.",
  erasedEdited: "Прежний текст стёрт: сообщение потом изменили.",
  erasedRemoved: "Стёрто: сообщение потом удалили.",
};
