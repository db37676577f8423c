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
};
