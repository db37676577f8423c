/** The texts of messages and of what one can do with them; loaded with the first message that needs them. */
export const en = {
  copyCode: "Copy the code",
};

export type MessageDictionary = typeof en;
