import { en } from "../../../i18n/schedules.en";
import { ru } from "../../../i18n/schedules.ru";
import { localized } from "../../settings/preferences";

/** The texts of schedules, which are loaded with the dialogs about servers. */
export const schedulesDictionary = localized({ en, ru });
