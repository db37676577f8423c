import { isolated } from "./isolate";
import type { MessageDictionary } from "./message.en";
import { plural } from "./plural";

const count = plural("ru");

export const ru: MessageDictionary = {
  copyCode: "Скопировать код",
  bold: "Жирный (Ctrl+B)",
  italic: "Курсив (Ctrl+I)",
  code: "Код (Ctrl+E)",
  mention: "Упомянуть",
  completions: "Подсказки",
  suggestions: n => count(n, { one: "# подсказка", few: "# подсказки", other: "# подсказок" }),
  everybodyIn: "Все в комнате",
  everybodyHere: "Все, кто сейчас здесь",
  findEmoji: "Найти эмодзи",
  recentEmoji: "Недавние",
  noEmoji: "Ничего не найдено.",
  more: "Ещё действия",
  edit: "Изменить",
  editing: "Изменить сообщение",
  save: "Сохранить",
  quote: "Цитировать",
  copyText: "Скопировать текст",
  copyLink: "Скопировать ссылку",
  pin: "Закрепить",
  unpin: "Открепить",
  pinned: "Закреплено",
  react: "Добавить реакцию",
  reactions: "Реакции",
  you: "Вы",
  reacted: (emoji, names, others) =>
    `${emoji} ${[...names.map(isolated), ...(others > 0 ? [`ещё ${others}`] : [])].join(", ")}`,
  delete: "Удалить",
  deleteTitle: "Удалить это сообщение?",
  deleteHint: "Текст и реакции исчезнут у всех. Отменить это нельзя.",
  edited: "изменено",
  editedAt: when => `Изменено ${when}`,
  saving: "сохраняется…",
  failedChange: {
    edit: "Изменение не сохранено",
    delete: "Не удалено",
    react: "Реакция не сохранена",
    pin: "Закрепление не сохранено",
  },
};
