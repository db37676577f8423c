import { en } from "../../i18n/search.en";
import { ru } from "../../i18n/search.ru";
import { localized } from "../settings/preferences";

export const searchDictionary = localized({ en, ru });
