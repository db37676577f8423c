import { en } from "../../i18n/status.en";
import { ru } from "../../i18n/status.ru";
import { localized } from "../settings/preferences";

export const statusDictionary = localized({ en, ru });
