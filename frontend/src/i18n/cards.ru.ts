import type { CardsDictionary } from "./cards.en";
import { isolated } from "./isolate";

export const ru: CardsDictionary = {
  card: (status, title) => `${status}: ${title}`,
  statuses: {
    firing: "Тревога",
    acknowledged: "В работе",
    resolved: "Решено",
    info: "Информация",
    running: "Выполняется",
    succeeded: "Готово",
    failed: "Ошибка",
  },
  severities: { info: "информация", warning: "предупреждение", critical: "критично" },
  inProgress: "Выполняется",
  waiting: "Ждёт подтверждения",
  undone: "Отменено",
  updated: when => `обновлено ${when}`,
  acknowledgedBy: name => `в работе: ${isolated(name)}`,
  from: source => `источник: ${isolated(source)}`,
  opensPage: address => `Откроет ${address}`,
  says: command => `Отправит ${command} в тред от вашего имени`,
  confirmTitle: "Выполнить команду?",
  confirmText: "Эта кнопка пришла извне. От вашего имени будет отправлено:",
  run: "Выполнить",
  noServers: "Серверы не найдены.",
  asItWas: "Как было тогда",
  gone: "удалён",
  retryOf: what => `Повторить: ${what}`,
};
