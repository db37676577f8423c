import type { SearchDictionary } from "./search.en";

export const ru: SearchDictionary = {
  label: "Поиск",
  results: "Результаты",
  kinds: { place: "Перейти", server: "Сервер", person: "Человек", activity: "События" },
  inActivity: text => `Искать в событиях: «${text}»`,
  hint: "↑ ↓ — выбрать, Enter — открыть, Esc — закрыть",
  close: "Закрыть",
  keys: {
    search: "Поиск",
    chat: "Перейти в чат",
    servers: "Перейти к серверам",
    activity: "Перейти к событиям",
    rows: "Следующая или предыдущая строка списка",
    controls: "Кнопки строки",
    details: "Подробности о сервере в этой строке",
    menu: "Всё, что можно с ним сделать",
    select: "Выбрать его",
    send: "Отправить сообщение",
    line: "Новая строка",
    messages: "Из пустого поля к сообщениям; Esc — обратно",
    escape: "Закрыть окно, меню или панель",
    shortcuts: "Этот список",
  },
  orKey: "или",
  thenKey: "затем",
};
