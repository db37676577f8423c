import { en } from "../../../i18n/files.en";
import { ru } from "../../../i18n/files.ru";
import { localized } from "../../settings/preferences";

export const filesDictionary = localized({ en, ru });
