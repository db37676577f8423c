import { en } from "../../i18n/activity.en";
import { ru } from "../../i18n/activity.ru";
import { localized } from "../settings/preferences";

export const activityDictionary = localized({ en, ru });
