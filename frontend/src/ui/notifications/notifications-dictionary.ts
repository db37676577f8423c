import { en } from "../../i18n/notifications.en";
import { ru } from "../../i18n/notifications.ru";
import { localized } from "../settings/preferences";

export const notificationsDictionary = localized({ en, ru });
