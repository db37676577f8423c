import { en } from "../../../i18n/message.en";
import { ru } from "../../../i18n/message.ru";
import { localized } from "../../settings/preferences";

export const messageDictionary = localized({ en, ru });
