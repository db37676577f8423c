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
    send: "Отправить сообщение",
    line: "Новая строка",
    escape: "Закрыть окно или панель",
    shortcuts: "Этот список",
  },
  orKey: "или",
  thenKey: "затем",
};
