import { en } from "../../i18n/moderation.en";
import { ru } from "../../i18n/moderation.ru";
import { localized } from "../preferences";

export const moderationDictionary = localized({ en, ru });
