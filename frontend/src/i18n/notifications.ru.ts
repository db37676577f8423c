import type { NotifyLevel } from "../contract/generated";
import type { en } from "./notifications.en";

const LEVELS: Readonly<Record<NotifyLevel, string>> = {
  all: "Все сообщения",
  mentions: "Только упоминания",
  nothing: "Ничего",
};

export const ru: typeof en = {
  title: "Уведомления",
  everywhere: "Уведомлять",
  everywhereHint: "Во всех комнатах без собственной настройки. Личные сообщения считаются упоминаниями.",
  inRoom: "Уведомления",
  levels: LEVELS,
  usual: level => `Как обычно: ${LEVELS[level].toLowerCase()}`,
  quiet: "Не беспокоить",
  begin: "С",
  end: "До",
  zone: zone => `Часовой пояс: ${zone}`,
  here: "На этом устройстве",
  desktop: "Показывать сообщения, пока вкладка скрыта",
  sound: "Звук",
  push: "Уведомлять, когда Opsroom закрыт",
  devices: count => `Устройств с push-уведомлениями: ${count}.`,
  pushOff: "На этом сервере push-уведомления выключены.",
  pushInsecure: "Для push-уведомлений нужны HTTPS и браузер, который их поддерживает.",
  pushFailed: "Этот браузер не может получать push-уведомления.",
  blocked: "Браузер не разрешает уведомления для этой страницы. Это меняется в настройках сайта.",
  failed: "Не удалось сохранить настройки. Попробуйте ещё раз.",
  loading: "Загрузка…",
  close: "Закрыть",
};
