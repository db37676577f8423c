import { en } from "../../../i18n/cards.en";
import { ru } from "../../../i18n/cards.ru";
import { localized } from "../../settings/preferences";

export const cardsDictionary = localized({ en, ru });
