import { en } from "../../i18n/people.en";
import { ru } from "../../i18n/people.ru";
import { localized } from "../settings/preferences";

export const peopleDictionary = localized({ en, ru });
