/** Воронка продаж по-русски. */
import type { funnel } from "@/i18n/funnel/en";
import { createPlural } from "@/lib/plural";

const plural = createPlural("ru");

export const funnelRu: typeof funnel = (f) => ({
  title: "От перехода до выкупа",
  asOf: (at) => `на ${at}`,
  step: "Шаг",
  now: "Последние 28 дней",
  before: "28 дней до того",
  days: (told, all) =>
    `${plural(told, { one: "известен", few: "известны", many: "известно" })} ${f.number(told)} из ${f.number(all)} дней`,
  none: "нет данных",
  opened: "Переходы в карточку",
  carted: "Положили в корзину",
  ordered: "Заказали",
  bought: "Выкупили",
  cancelled: "Отменили или вернули",
  wished: "В отложенные",
  ofOpened: (share) => `${share} переходов`,
  ofCarted: (share) => `${share} корзин`,
  ofOrdered: (share) => `${share} завершённых заказов`,
  aboveOpened: "с одного перехода несколько штук",
  aboveCarted: "часть корзин собрана раньше",
  told: "Последний ответ",
  toldOf: (what) => `Последний ответ: ${what}`,
  note: "Считает маркетплейс, все размеры карточки вместе. Корзины и заказы считаются в штуках. Чем кончился заказ, видно в дне заказа; доля выкупа взята от завершённых заказов тех дней, которым при последнем чтении было не меньше 14 дней.",
  nothing: "Маркетплейс не сообщил ни об одном дне из этих восьми недель.",
  unknown:
    "Ни один маркетплейс не сообщил, как смотрят этот товар. Wildberries сообщает; Ozon только по платной подписке.",
});
