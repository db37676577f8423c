import { en } from "../../../i18n/moderation.en";
import { ru } from "../../../i18n/moderation.ru";
import { localized } from "../../settings/preferences";

export const moderationDictionary = localized({ en, ru });
