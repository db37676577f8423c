import { en } from "../../i18n/commands.en";
import { ru } from "../../i18n/commands.ru";
import { localized } from "../settings/preferences";

/** The texts about commands in the chat, which are loaded with the composer. */
export const commandsDictionary = localized({ en, ru });
