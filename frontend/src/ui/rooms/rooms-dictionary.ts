import { en } from "../../i18n/rooms.en";
import { ru } from "../../i18n/rooms.ru";
import { localized } from "../settings/preferences";

export const roomsDictionary = localized({ en, ru });
