/** Backups in Russian. */
import type { BackupWords } from "@/i18n/backups/en";
import type { Formats } from "@/lib/format";
import { createPlural } from "@/lib/plural";

const plural = createPlural("ru");

export const backups = (f: Formats): BackupWords => ({
  title: "Резервные копии",
  lead: "Копия засчитывается, только когда её прочитали обратно целиком.",
  now: "Сделать копию",
  running: (at) => `Копия создаётся, начало ${at}`,
  alarm: { failed: "Последняя копия не удалась", late: "Копии нет в срок" },
  old: (at) => `Данные на ${at}: сервер сейчас не отвечает`,
  state: "Состояние",
  newest: "Последняя исправная",
  none: "нет",
  count: "Исправных",
  next: "Следующая",
  off: "Расписание не задано",
  kept: "Хранятся",
  days: (n) => `${f.number(n)} ${plural(n, { one: "день", few: "дня", many: "дней" })}, три последние — всегда`,
  folder: "Папка",
  key: "Ключ восстановления",
  keyText: "Без него копию не восстановить на другой машине. Храните его ещё где-нибудь; показать ключ:",
  keyFile: "Файл",
  keyNone: "Его создаст первая копия.",
  history: "История",
  empty: "Копий пока нет",
  emptyText: "В копии весь магазин. Вместе с первой создаётся ключ восстановления.",
  states: {
    verified: "Исправна",
    failed: "Не удалась",
    deleted: "Удалена по сроку",
    missing: "Файла нет",
    unknown: "Не проверена",
  },
  triggers: { schedule: "по расписанию", button: "кнопкой", command: "командой" },
  size: (megabytes) => `${megabytes} МБ`,
  took: (seconds) => `${seconds} с`,
  rows: (n) => `${f.number(n)} ${plural(n, { one: "строка", few: "строки", many: "строк" })}`,
});
