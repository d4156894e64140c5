/** Русские слова о прошлых днях: повторное чтение. */
import type { PastWords } from "@/i18n/past/en";
import type { Formats } from "@/lib/format";
import { createPlural } from "@/lib/plural";

const plural = createPlural("ru");

export const pastRu = (f: Formats): PastWords => ({
  open: "Перечитать прошлые дни",
  title: "Перечитать прошлые дни",
  lead: "Читает выбранные дни ещё раз и добавляет недостающее. Обычная синхронизация идёт дальше и имеет преимущество; более новые данные остаются.",
  source: "Источник",
  streams: "Что читать",
  from: "С",
  to: "По день включительно",
  days: "По календарю маркетплейса (Москва).",
  plan: "Сколько это займёт",
  planning: "Считаем",
  requests: (count) =>
    `не менее ${f.number(count)} ${plural(count, { one: "запроса", few: "запросов", many: "запросов" })}`,
  takes: (time) => `не менее ${time} по лимитам маркетплейса`,
  here: (rows) => `уже есть за эти дни: ${rows}`,
  wrongDays: "Последний день раньше первого.",
  nothingChosen: "Выберите хотя бы один поток.",
  none: "За эти дни ничего нельзя прочитать.",
  start: "Начать чтение",
  cancel: "Отмена",
  range: (days) => `прошлые дни, ${days}`,
  reading: (source, days) => `${source}, перечитываем ${days}`,
  waits: (source, days) => `${source}, ${days}: ждёт конца обычной синхронизации`,
  windows: (done, all) => `Окно ${f.number(done)} из ${f.number(all)}`,
  found: (fresh, changed) => `новых ${f.number(fresh)}, изменено ${f.number(changed)}`,
  goesOn: "После остановки продолжит с того же места, если в тот же день запросить те же дни снова.",
});
