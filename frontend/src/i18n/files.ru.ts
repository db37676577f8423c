import type { FilesDictionary } from "./files.en";
import { isolated } from "./isolate";
import { plural } from "./plural";

const count = plural("ru");

export const ru: FilesDictionary = {
  attach: "Прикрепить файлы",
  drop: "Отпустите файлы, чтобы прикрепить их",
  attached: "Прикреплённые файлы",
  cancel: name => `Убрать ${isolated(name)}`,
  retry: name => `Загрузить ${isolated(name)} ещё раз`,
  uploading: percent => `${percent} %`,
  tooMany: n =>
    count(n, {
      one: "Не больше # файла в сообщении",
      few: "Не больше # файлов в сообщении",
      other: "Не больше # файлов в сообщении",
    }),
  files: n => count(n, { one: "# файл", few: "# файла", other: "# файлов" }),
  download: (name, size) => `Скачать ${isolated(name)}, ${size}`,
  downloading: "Скачивание…",
  loading: "Загружаем изображение…",
  fullSize: "В полном размере",
  failed: "Не удалось загрузить файл.",
  open: name => `Открыть изображение ${isolated(name)}`,
  gallery: "Изображения комнаты",
  position: (n, all) => `${n} из ${all}`,
  previous: "Предыдущее изображение",
  next: "Следующее изображение",
  close: "Закрыть",
  units: ["Б", "КБ", "МБ", "ГБ"],
};
