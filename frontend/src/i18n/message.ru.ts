import type { MessageDictionary } from "./message.en";

export const ru: MessageDictionary = {
  copyCode: "Скопировать код",
};
