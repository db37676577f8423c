import type { Action, Role } from "../contract/generated";
import { isolated } from "./isolate";
import { labelOf } from "./label";
import type { PeopleDictionary } from "./people.en";
import { plural } from "./plural";

const count = plural("ru");

const mayDo: Record<Action, string> = {
  register: "выбрать имя",
  chat: "писать в чат",
  see_servers: "видеть серверы",
  command_servers: "управлять серверами",
  see_logs: "читать журналы",
  moderate: "модерировать",
  manage_people: "приглашать людей",
  see_audit: "читать аудит",
};
const roles: Record<Role, string> = {
  member: "Участник",
  viewer: "Наблюдатель",
  operator: "Оператор",
  admin: "Администратор",
};

export const ru: PeopleDictionary = {
  title: "Люди",
  roles,
  may: actions => `Можно ${actions.map(one => labelOf(mayDo, one)).join(", ")}`,
  find: "Найти человека",
  show: "Показать",
  filters: {
    all: n => `Все ${n}`,
    here: n => `Сейчас здесь ${n}`,
    restricted: n => `С ограничениями ${n}`,
  },
  columns: {
    person: "Человек",
    role: "Роль",
    seen: "Последний визит",
    devices: "Устройства",
    state: "Состояние",
  },
  you: "Вы",
  noRole: "Без роли",
  hereNow: "Сейчас здесь",
  never: "Ещё не было",
  invited: "Приглашение отправлено",
  devices: n =>
    count(n, { one: "# устройство", few: "# устройства", many: "# устройств", other: "# устройства" }),
  connections: n =>
    count(n, { one: "# соединение", few: "# соединения", many: "# соединений", other: "# соединения" }),
  signedInBy: { token: "Токен доступа", sign_on: "Единый вход", invitation: "Приглашение", bot: "Токен" },
  ownedBy: name => `бот, владелец: ${isolated(name)}`,
  guest: "Только имя",
  until: when => `до ${when}`,
  muted: when => (when ? `Нельзя писать до ${when}` : "Нельзя писать"),
  banned: when => (when ? `Блокировка до ${when}` : "Заблокирован доступ"),
  restrict: name => `Ограничить или заблокировать: ${isolated(name)}`,
  signOut: name => `Завершить сеансы: ${isolated(name)}`,
  signOutHint: "Вход будет завершён на всех устройствах, а имя освободится.",
  signedOut: "Сеансы завершены",
  more: n => `Показать всех: ${n}`,
  empty: "Здесь пока никого нет. Пригласите команду.",
  noMatch: "Никого не найдено.",
  loading: "Загружаем список…",
  failed: "Не удалось загрузить список.",
  invite: "Пригласить",
  inviteTitle: "Пригласить человека",
  nickname: "Имя",
  nicknameHint: "Имя никто не займёт, пока приглашение действует.",
  role: "Роль",
  expires: "Срок действия",
  days: n => count(n, { one: "# день", few: "# дня", many: "# дней", other: "# дня" }),
  create: "Создать ссылку",
  ready: name => `Ссылка для ${isolated(name)}`,
  readyHint: "Отправьте её лично. Ссылка сработает один раз: войдёт тот, кто откроет её первым.",
  link: "Ссылка",
  copyLink: "Скопировать ссылку",
  endsAt: when => `Действует до ${when}.`,
  done: "Готово",
  pending: "Действующие приглашения",
  noPending: "Действующих приглашений нет.",
  by: (who, when) => `${isolated(who)}, до ${when}`,
  withdraw: "Отозвать",
  withdrawOf: name => `Отозвать приглашение: ${isolated(name)}`,
  withdrawn: "Приглашение отозвано",
  adminOnly: "Управлять людьми может только администратор.",
  who: "Сейчас в чате",
  device: "Войти на другом устройстве",
  deviceText: name =>
    `Откройте ссылку или отсканируйте код на другом устройстве: там вы тоже будете под именем ${isolated(name)}.`,
  deviceHint:
    "Ссылка сработает один раз и действует десять минут. Никому её не показывайте: это вход под вашим именем.",
  code: "QR-код ссылки",
  newLink: "Новая ссылка",
  signOutHere: "Выйти на этом устройстве",
  signOutEverywhere: "Выйти на всех устройствах",
  giveUp: "Отказаться от имени",
  onlyDevice: name =>
    `Имя ${isolated(name)} используется только на этом устройстве. Если выйти, вернуться под этим именем не получится.`,
  onlyInvited: "Вы вошли только на этом устройстве. Чтобы вернуться, понадобится новое приглашение.",
  giveUpText: name =>
    `Имя ${isolated(name)} сможет взять кто угодно, но это будет другой человек: ваши сообщения останутся вашими. Вход завершится на всех устройствах.`,
  everywhereText: "Вход завершится на этом и на всех остальных устройствах.",
  joinTitle: "Вход по ссылке",
  joining: "Выполняется вход…",
  joinAs: name => `В этом браузере вы ${isolated(name)}. Если войти по ссылке, это имя сменится.`,
  join: "Войти",
  stay: name => `Остаться: ${isolated(name)}`,
  again: "Попробовать ещё раз",
  close: "Закрыть",
};
