import { en } from "../../i18n/incidents.en";
import { ru } from "../../i18n/incidents.ru";
import { localized } from "../settings/preferences";

export const incidentsDictionary = localized({ en, ru });
