/** Русский. */
import { funnelRu } from "@/i18n/funnel/ru";
import { backups } from "@/i18n/backups/ru";
import { quarantine } from "@/i18n/quarantine/ru";
import type { Dictionary } from "@/i18n";
import { longestCover, type Formats } from "@/lib/format";
import { keysRu } from "@/i18n/keys/ru";
import { pastRu } from "@/i18n/past/ru";
import { createPlural } from "@/lib/plural";

const plural = createPlural("ru");
const nb = "\u00A0";

const units = (f: Formats, n: number) => `${f.number(n)}${nb}шт.`;
const uncountedReturns = (f: Formats, n: number) =>
  `${f.number(n)}${nb}${plural(n, { one: "возврат", few: "возврата", many: "возвратов" })} с${nb}неизвестным количеством`;
/** Units, and the returns of which nobody told how many units they are: never as if those were none. */
const returnedOf = (f: Formats, n: number, uncounted: number) =>
  [n > 0 || uncounted === 0 ? units(f, n) : "", uncounted > 0 ? uncountedReturns(f, uncounted) : ""]
    .filter(Boolean)
    .join(` и${nb}`);
const days = (f: Formats, n: number) => `${f.number(n)}${nb}${plural(n, { one: "день", few: "дня", many: "дней" })}`;
const products = (f: Formats, n: number) =>
  `${f.number(n)}${nb}${plural(n, { one: "товар", few: "товара", many: "товаров" })}`;
const rows = (f: Formats, n: number) =>
  `${f.number(n)}${nb}${plural(n, { one: "строка", few: "строки", many: "строк" })}`;
const places = (f: Formats, n: number) =>
  `${f.number(n)}${nb}${plural(n, { one: "место", few: "места", many: "мест" })}`;
const inPlaces = (f: Formats, n: number) =>
  `${f.number(n)}${nb}${plural(n, { one: "месте", few: "местах", many: "местах" })}`;

function duration(f: Formats, seconds: number): string {
  if (seconds < 60) return `${f.number(Math.round(seconds))}${nb}с`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${f.number(minutes)}${nb}мин`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return days(f, Math.floor(hours / 24));
  return minutes % 60 === 0 ? `${f.number(hours)}${nb}ч` : `${f.number(hours)}${nb}ч ${f.number(minutes % 60)}${nb}мин`;
}

export const ru: Dictionary = (f) => ({
  colon: (label) => `${label}:`,
  list: (parts) => parts.join(", "),
  duration: (seconds) => duration(f, seconds),
  ago: (minutes) => (minutes < 1 ? "только что" : `${duration(f, minutes * 60)} назад`),
  units: (n) => units(f, n),
  days: (n) => days(f, n),
  rows: (n) => rows(f, n),

  nav: {
    skip: "К содержанию",
    main: "Разделы",
    mainPhone: "Разделы, телефон",
    home: "Главная",
    products: "Товары",
    sync: "Синхронизация",
    demo: "Демо",
    demoHint: "Данные приходят от встроенного имитатора",
    shopName: (variable) => `Название магазина из ${variable}`,
    shopAccounts: "Ваши кабинеты на маркетплейсах",
    live: "Обновляется само",
    connecting: "Соединение…",
    lost: "Нет связи",
    more: "Ещё",
    version: (version) => `micore ${version}`,
  },

  top: {
    search: "Поиск по товарам, артикулу, штрихкоду",
    clearSearch: "Очистить поиск",
    asOf: "Данные на",
    never: "Данных ещё нет",
    stale: "Часть данных устарела",
    language: "Язык",
    theme: { system: "Тема: как в системе", light: "Тема: светлая", dark: "Тема: тёмная" },
    themeName: "Тема",
    themes: { system: "Как в системе", light: "Светлая", dark: "Тёмная" },
    help: "Горячие клавиши",
  },

  status: {
    critical: "Критично",
    low: "Мало",
    normal: "Норма",
    overstock: "Избыток",
    unknown: "Неизвестно",
    zero: {
      critical: "Критичных нет",
      low: "Всего хватает",
      overstock: "Избытка нет",
    },
    rule: {
      range: (from, to) => `${f.number(from)}–${f.number(to)}${nb}шт.`,
      over: (from) => `более ${f.number(from)}${nb}шт.`,
    },
  },

  effect: {
    sold_30d: "продано за 30 дней",
    stock_value: "запас по цене",
    soldShort: "продано за 30 дней",
    valueShort: "запас по цене",
  },

  home: {
    title: "Что требует решения",
    tab: "Главная",
    summary: (count, total) =>
      `${plural(count, { one: "Решения ждёт", few: "Решения ждут", many: "Решения ждут" })} ${f.number(count)} из ${f.number(total)}${nb}${plural(total, { one: "товара", few: "товаров", many: "товаров" })}`,
    strip: "Коротко",
    stockValue: "Запас по цене",
    stockValueOf: (known) => `${products(f, known)} в продаже`,
    stockUnknown: (count) => `${products(f, count)} без данных об остатке`,
    sold: "Продано за 30 дней",
    soldMeaning: "заказано и не отменено",
    decisions: "Ждут решения",
    ofProducts: (total) => `из ${f.number(total)}`,
    breakdown: (critical, low, over) =>
      `${f.number(critical)} критично, ${f.number(low)} мало, ${f.number(over)} избыток`,
    trend: (from, to) => `${f.number(from)} → ${f.number(to)}`,
    trendDays: (n) => ` за ${days(f, n)}`,
    shownOf: (shown, total) => `${f.number(shown)} из ${f.number(total)}, по сумме`,
    allShown: (total) => `все ${f.number(total)}, по сумме`,
    top10: "Топ-10",
    showAll: "Показать все",
    exceptions: "Исключения",
    caption: (shown, total) => `Исключения, ${f.number(shown)} из ${f.number(total)}`,
    counted: (shown, total) => `${f.number(shown)} из ${f.number(total)}`,
    foot: (count) => products(f, count),
    goodTitle: "Решать нечего",
    goodText: (count, critical) =>
      `${products(f, count)}, у каждого больше ${units(f, critical)}, и ни одна граница не пройдена.`,
  },

  products: {
    title: "Товары",
    count: (total) => products(f, total),
    matching: (total, all) =>
      `${f.number(total)} из ${f.number(all)}${nb}${plural(all, { one: "товара", few: "товаров", many: "товаров" })}`,
    caption: (total) => `Товары, ${f.number(total)}`,
    state: { active: "В продаже", archived: "В архиве", all: "Все" },
    stateLabel: "Карточки",
    loaded: (shown, total) => `Загружено ${f.number(shown)} из ${f.number(total)}`,
    more: "Загрузить ещё",
    found: (query) => `Найдено по «${query}»`,
    notFoundTitle: (query) => `По «${query}» ничего не нашлось`,
    notFoundText: "Ищем в названиях, артикулах, штрихкодах и номерах SKU; достаточно части.",
    clearSearch: "Очистить поиск",
  },

  table: {
    product: "Товар",
    status: "Статус",
    available: "Доступно, шт.",
    cover: "Запас, дни",
    spark: "Продажи, 30 дней",
    sold: "Продано, 30 дн.",
    value: (sign) => `Запас по цене, ${sign}`,
    effect: (sign) => `Эффект, ${sign}`,
    sortBy: (column) => `Сортировать: ${column}`,
    sorted: (column, down) => `Сортировка: ${column}, ${down ? "сначала большие" : "сначала малые"}`,
    availableLabel: (n) => `Доступно ${n}`,
    sparkLabel: (total, today) => `Продано ${units(f, total)} за 30 дней, сегодня ${f.number(today)}`,
    stale: "Какое-то место не удалось прочитать; показано последнее известное",
    archived: "В архиве",
    changed: (count) => `Изменений: ${f.number(count)}, показать`,
    shortcuts: "j и k переходят по строкам, Enter открывает",
  },

  filters: {
    status: "Статус",
    marketplace: "Маркетплейс",
    place: "Место",
    clear: (name) => `Снять фильтр «${name}»`,
    clearAll: "Снять все фильтры",
    findPlace: "Найти место",
    noPlace: "Такого места нет",
    noneTitle: (count) =>
      `Ни один товар не подходит под ${plural(count, { one: `${f.number(count)} фильтр`, few: `${f.number(count)} фильтра`, many: `${f.number(count)} фильтров` })}`,
    noneText: "Снимите один, чтобы увидеть больше.",
    more: (first, others) => `${first} +${f.number(others)}`,
  },

  product: {
    status: "Статус",
    noReading: "Остаток ещё не известен.",
    outNow: "Нет в наличии.",
    outSince: (day) => `Нет в наличии с ${day}`,
    outSinceAtLeast: (day) => `Нет в наличии самое позднее с ${day}`,
    stock: (available, count) => `${units(f, available)} в ${inPlaces(f, count)}.`,
    cover: (coverDays) =>
      coverDays < 1
        ? "Запаса меньше чем на день в темпе последних 30 дней."
        : coverDays > longestCover
          ? `Запаса больше чем на ${days(f, longestCover)} в темпе последних 30 дней.`
          : `Запаса примерно на ${days(f, Math.round(coverDays))} в темпе последних 30 дней.`,
    noSales: "За последние 30 дней продаж не было.",
    missed: (n) => `За последние 30 дней продано ${units(f, n)}`,
    archivedText: "В архиве на всех маркетплейсах.",
    byUnits: "По штукам",
    sold30: "Продано за 30 дней",
    stockValue: "Запас по цене",
    inbound: "В пути",
    price: (price) => `Цена ${price}`,
    history: "Продажи и остаток",
    range: "Сколько дней показать",
    rangeDays: (n) => `${f.number(n)}${nb}дн.`,
    view: "Вид",
    chart: "График",
    table: "Таблица",
    csv: "CSV",
    salesLane: "Продано, шт. в день",
    salesLaneWeek: "Продано, шт. в неделю",
    stockLane: "Остаток, шт.",
    today: "сегодня",
    outDays: (n) => `нет в наличии, ${days(f, n)}`,
    noReadings: "остаток ещё не читался",
    firstReading: (day) => `первый остаток, ${day}`,
    legendSold: "Продано",
    legendStock: "Остаток",
    legendOut: "Нет в наличии",
    incomplete: "неполный",
    legendIncomplete: (n) => `Пришло слишком мало заказов, в суммах не учтено: ${days(f, n)}`,
    chartSummary: (from, to, sold, outDays, stock) =>
      `Продажи и остаток с ${from} по ${to}: продано ${units(f, sold)}, без остатка ${days(f, outDays)}, сейчас доступно ${stock}.`,
    cursor: "День под курсором",
    day: "День",
    ordered: "Продано, шт.",
    cancelled: "Отменено",
    revenue: (sign) => `Продано, ${sign}`,
    stockEnd: "Остаток на конец",
    stockLow: "Наименьший остаток",
    outShare: "Нет в наличии",
    noSalesHistory: "За эти дни нет ни продаж, ни остатков.",
    places: "Остаток по местам",
    placesNote: (count, asOf) => `${places(f, count)}, на ${asOf}`,
    place: "Место",
    present: "В наличии, шт.",
    reserved: "В резерве",
    available: "Доступно",
    since: "Без изменений с",
    allPlaces: "Все места",
    noPlaces: "Ни один маркетплейс ещё не сообщил остаток этого товара.",
    emptyPlaces: (count) => `${places(f, count)} без остатка`,
    showEmpty: "Показать",
    hideEmpty: "Скрыть",
    listings: "Карточки",
    listingsNote: (count) =>
      `${f.number(count)}${nb}${plural(count, { one: "карточка", few: "карточки", many: "карточек" })}`,
    listing: "Карточка",
    article: "Артикул",
    barcodes: "Штрихкоды",
    size: (size) => `размер ${size}`,
    priceHead: (sign) => `Цена, ${sign}`,
    archived: "В архиве",
    active: "В продаже",
    moreBarcodes: (count) => `+${f.number(count)}`,
    flows: "В пути",
    flowsNote: (count) =>
      `${f.number(count)}${nb}${plural(count, { one: "поставка", few: "поставки", many: "поставок" })}`,
    supply: "Поставка",
    supplyFor: "Куда",
    expected: "Ожидается",
    announced: "Заявлено",
    accepted: "Принято",
    supplyStates: {
      planned: "Запланирована",
      on_the_way: "В пути",
      accepting: "Принимается",
      done: "Принята",
      cancelled: "Отменена",
    },
    returned: (n, uncounted) => `За 30 дней вернули ${returnedOf(f, n, uncounted)}`,
    returning: (n, uncounted) => `едет обратно ${returnedOf(f, n, uncounted)}`,
    reasons: (reasons) => `чаще всего: ${reasons}`,
    unread: (accounts) => `Без ${accounts}: ещё не прочитано до конца, поэтому цифра неполная.`,
    moneyTitle: "Доходы и расходы за 30 дней",
    moneyAsOf: (at) => `на ${at}`,
    moneyKind: "За что начислено",
    moneyLines: "Начислений",
    moneyAmount: "Сумма",
    moneyWhy: "Почему",
    moneyNet: "Итого, без расходов, не относящихся к одному товару",
    moneyTold: "Последний ответ",
    moneyToldOf: (what) => `Последний ответ: ${what}`,
    financeUnknown: "Ни одна площадка ещё не сообщила финансы этого товара.",
    financeNone: "За последние 30 дней по этому товару ничего не начислено.",
    financeKinds: {
      sale: "Продажи",
      return: "Возвраты",
      commission: "Комиссия",
      acquiring: "Эквайринг",
      delivery: "Доставка",
      return_delivery: "Доставка возвратов",
      storage: "Хранение",
      acceptance: "Приёмка поставок",
      advertising: "Реклама",
      penalty: "Штрафы",
      correction: "Корректировки и компенсации",
      other: "Прочее",
    },
    storageWhat: "стоимость хранения",
    storageCost: (cost) => `Хранение: ${cost}`,
    storageDays: (count, range) =>
      `известно за ${f.number(count)}${nb}${plural(count, { one: "день", few: "дня", many: "дней" })}, ${range}`,
    storageNone: (at) => `Хранение: за последние 30 дней расходов нет, на ${at}`,
    storageUnknown: "Хранение: ни одна площадка ещё не сообщила его стоимость.",
    notFoundTitle: "Такого товара нет",
    notFoundText: "Возможно, его связали с другим, или в адресе опечатка.",
    toProducts: "Все товары",
  },

  why: {
    open: (value) => `Почему ${value}?`,
    title: (value) => `Почему доступно ${value}?`,
    knownAt: (at) => `Известно на ${at}`,
    available: "Доступно",
    sum: "Сумма, шт.",
    sources: "Откуда слагаемые",
    read: (at) => `прочитано ${at}`,
    stored: "Сохранённый ответ",
    openWhole: "Открыть ответ целиком",
    agedOut: "Срок хранения ответа истёк.",
    close: "Закрыть",
    none: "Ни один маркетплейс ещё не сообщил остаток, складывать нечего.",
    places: (count) => places(f, count),
  },

  funnel: funnelRu(f),
  backups: backups(f),
  quarantine: quarantine(f),

  sync: {
    title: "Синхронизация",
    now: "Синхронизировать",
    nowSource: (source) => `Синхронизировать ${source}`,
    asked: "Запущено",
    nothing: "Ни один источник не настроен, читать нечего.",
    sources: "Источники",
    every: (minutes) => (minutes === 1 ? "каждую минуту" : `каждые ${f.number(minutes)}${nb}мин`),
    hourly: (minute) => `каждый час в :${String(minute).padStart(2, "0")}`,
    daily: (time) => `ежедневно в ${time}`,
    cron: (expression) => `расписание ${expression}`,
    noSchedule: "без расписания",
    next: (at) => `следующая в ${at}`,
    summary: (source, schedule) => `${source} ${schedule}`,
    notConfigured: "Не настроен",
    account: (name) => `кабинет «${name}»`,
    fresh: "Свежие данные",
    staleState: "Устарели",
    never: "Ещё не читался",
    asOf: (at) => `Остатки на ${at}`,
    lastSuccess: (at) => `последний успех ${at}`,
    reading: (source, stream) => `${source}: читаем ${stream}`,
    queued: (source) => `${source}: ждёт запуска`,
    starting: (source) => `${source}: запуск`,
    startedAt: (at) => `Начато в ${at}`,
    keeps: (asOf) => `На главной данные на ${asOf}, пока новые остатки не будут опубликованы целиком.`,
    firstTime: "Главная заполнится, как только будут опубликованы первые остатки.",
    waitsForLimit: (source, at) =>
      `${source} пока не принимает новых запросов: чтение ждёт и само продолжится в ${at}.`,
    stop: "Остановить",
    stopping: "Останавливаем",
    progress: "Ход синхронизации",
    noProgress: "Источник не сообщает, сколько всего",
    read: "Прочитано, строк",
    loaded: "Загружено",
    unchanged: "Без изменений",
    rejected: "Отклонено",
    rate: "Скорость, строк/с",
    left: "Осталось",
    about: (text) => `около ${text}`,
    leftUnknown: "неизвестно",
    step: (current, all) => `Поток ${f.number(current)} из ${f.number(all)}`,
    stream: "Поток",
    state: "Состояние",
    progressHead: "Ход",
    time: "Время",
    streamsCaption: "Потоки идущей синхронизации, строки",
    streams: {
      warehouses: "Склады",
      catalogue: "Каталог и штрихкоды",
      stock: "Остатки",
      orders: "Заказы",
      sales: "Продажи",
      prices: "Цены",
      returns: "Возвраты",
      supplies: "Поставки",
      finance: "Финансы",
      storage_cost: "Стоимость хранения",
      funnel: "Воронка продаж",
    },
    readingStream: {
      warehouses: "склады",
      catalogue: "каталог",
      stock: "остатки",
      orders: "заказы",
      sales: "продажи",
      prices: "цены",
      returns: "возвраты",
      supplies: "поставки",
      finance: "финансы",
      storage_cost: "стоимость хранения",
      funnel: "воронка продаж",
    },
    streamState: {
      waiting: "Ждёт",
      running: "Чтение",
      done: "Готово",
      held: "Задержано",
      failed: "Ошибка",
      skipped: "Пропущено",
    },
    runState: {
      queued: "В очереди",
      running: "Идёт",
      done: "Готово",
      gaps: "Готово с пробелами",
      failed: "Ошибка",
      stopped: "Остановлено",
    },
    trigger: { schedule: "Расписание", button: "Кнопка", command: "Команда" },
    byTrigger: { schedule: "по расписанию", button: "кнопкой", command: "командой" },
    earlier: "Прошлые запуски",
    filter: "Запуски",
    all: "Все",
    findings: "С замечаниями",
    run: "Запуск",
    result: "Итог",
    startedBy: "Кем начат",
    full: "полное чтение",
    noRuns: "Запусков ещё не было",
    noRunsText: "Первый запуск читает каталог, склады, остатки, заказы и продажи.",
    noFindings: "Замечаний нет",
    noFindingsText: "Здесь были бы отклонённые строки, задержанные потоки и ошибки с причиной.",
    more: "Загрузить ещё",
    stoppedText: "Остановлено вручную; следующий запуск продолжит с этого места.",
    rejectedText: (count) =>
      `${rows(f, count)} не ${plural(count, { one: "прочиталась и отложена", few: "прочитались и отложены", many: "прочитались и отложены" })}.`,
    finding: {
      fewOfDay: (stream, day, count, low, high) =>
        `${stream}, ${day}: пришло ${rows(f, count)}, обычно в этот день недели от ${f.number(low)} до ${f.number(high)}.`,
      few: (stream, count, low, high) =>
        `${stream}: пришло ${rows(f, count)}, обычно в этот день недели от ${f.number(low)} до ${f.number(high)}.`,
      unknownSkus: (stream, count, examples) => `${stream}: ${f.number(count)} SKU нет в каталоге (${examples}).`,
      newField: (stream, field, endpoint) => `${stream}: в ответах новое поле ${field} (${endpoint}). Оно не читается.`,
      vanishedField: (stream, field, endpoint) =>
        `${stream}: в ответах больше нет поля ${field}, которое было всегда (${endpoint}).`,
      changedType: (stream, field, endpoint, before, now) =>
        `${stream}: в поле ${field} всегда был тип ${before}, а теперь ${now} (${endpoint}).`,
      newValue: (stream, field, endpoint, now) => `${stream}: в поле ${field} новое слово: «${now}» (${endpoint}).`,
      retiring: (stream, endpoint, day, instead) =>
        `${stream}: по объявлению маркетплейса ${endpoint} отключат ${day}${instead && `, замена: ${instead}`}.`,
      announced: (stream, endpoint, notice) => `${stream}: ${endpoint} сам сообщает о своём отключении (${notice}).`,
    },
    heldText: "Прочитано целиком, но не принято; остаются прежние данные.",
    finished: (source) => `${source}: данные свежие`,
  },

  notice: {
    staleTitle: (age) => `Остатки устарели: ${age}.`,
    staleText: (source, at) => `${source}: последнее чтение в ${at}.`,
    reason: (text) => `Причина: ${text}`,
    others: (sources) => `Свежие: ${sources}.`,
    tryNow: "Повторить",
    readingTitle: (source) => `${source} сейчас читается.`,
    readingText: (at) => `Данные ниже на ${at}; они обновятся сами.`,
    readingFirst: "Его данные сами добавятся к показанным ниже.",
    partialTitle: (source) => `${source} ещё не читался.`,
    partialText: (sources) => `Суммы ниже охватывают только ${sources}.`,
    offlineTitle: "Нет связи.",
    offlineText: (at) => `Показаны данные на ${at}. Они обновятся сами, когда сервер снова ответит.`,
    offlineEmpty: "Страница обновится сама, когда сервер снова ответит.",
    retry: "Повторить",
  },

  empty: {
    noSourceTitle: "Маркетплейс ещё не подключён",
    noSourceText:
      "Добавьте ключ Ozon или Wildberries, чтобы увидеть остатки. micore только читает и никогда не меняет цены и остатки.",
    noSourceAction: "Все источники",
    notSyncedTitle: "Ещё ничего не прочитано",
    notSyncedText: (sources) => `Можно читать: ${sources}. Первая синхронизация принесёт каталог, остатки и продажи.`,
    notSyncedAction: "Начать первую синхронизацию",
    syncingTitle: (source) => `Первое чтение: ${source}`,
    syncingText: (rowCount) => `Пока ${rows(f, rowCount)}. Главная откроется, когда остатки будут полными.`,
    openSync: "К синхронизации",
  },

  setup: {
    title: (source) => `Подключить ${source}`,
    ozon: (site, role) => `Создайте API-ключ на ${site}: «Настройки», Seller API, «Сгенерировать ключ», роль ${role}.`,
    wildberries: (site) =>
      `Создайте персональный API-токен только на чтение на ${site}: «Настройки», «Доступ к API»; категории «Контент», «Цены и скидки», «Маркетплейс», «Статистика», «Аналитика», «Поставки».`,
    file: (file) => `Запишите его в файл ${file} в папке micore:`,
    restart: (make, serve) => `Остановите micore и запустите снова: ${make} или ${serve}; файл читается при запуске.`,
  },

  error: {
    network: "Сервер не отвечает",
    networkText: "micore недоступен из этого браузера. Проверьте, что он запущен; страница повторит попытку сама.",
    timeout: "Ответ слишком долгий",
    timeoutText: "Сервер не ответил за 20 с. Ваши фильтры сохранены.",
    notFound: "Такой страницы нет",
    notFoundText: "Возможно, в адресе опечатка или страница переехала.",
    home: "На главную",
    server: "На сервере что-то пошло не так",
    refused: "Сервер отклонил запрос",
    app: "Эта часть страницы сломалась",
    appText:
      "Ваши фильтры сохранены в адресе. Загрузите страницу заново; если не поможет, строки ниже подскажут причину.",
    kept: "Ваши фильтры сохранены.",
    retry: "Повторить",
    reload: "Загрузить заново",
    request: "Запрос",
    copy: "Скопировать",
    copied: "Скопировано",
  },

  help: {
    title: "Клавиши",
    search: "Поиск",
    goHome: "Главная",
    goProducts: "Товары",
    goSync: "Синхронизация",
    nextRow: "Следующая строка",
    previousRow: "Предыдущая строка",
    open: "Открыть товар",
    why: "Почему это число",
    close: "Закрыть, очистить",
    list: "Этот список",
    then: "затем",
    letters: "Команды одной буквой",
    dismiss: "Закрыть",
  },

  past: pastRu(f),
  keys: keysRu(f),
  loading: "Загрузка",
  total: (amount) => f.money(amount),
});
