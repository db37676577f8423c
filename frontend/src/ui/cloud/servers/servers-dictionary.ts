import { en } from "../../../i18n/servers.en";
import { ru } from "../../../i18n/servers.ru";
import { localized } from "../../settings/preferences";

/** The texts of servers, which are loaded with their view. */
export const serversDictionary = localized({ en, ru });
