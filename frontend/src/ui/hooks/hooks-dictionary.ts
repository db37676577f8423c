import { en } from "../../i18n/hooks.en";
import { ru } from "../../i18n/hooks.ru";
import { localized } from "../settings/preferences";

export const hooksDictionary = localized({ en, ru });
