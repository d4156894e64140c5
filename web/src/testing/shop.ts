/** A small living shop for tests: the same answers for the same arguments, in the shape of the API. */
import type {
  BackfillPlan,
  Category,
  Dashboard,
  HistoryDay,
  Meta,
  Place,
  PlaceStock,
  ProductDetail,
  ProductHistory,
  ProductPage,
  ProductRow,
  Run,
  StreamRun,
  SyncOverview,
  Why,
} from "@/api/types";
import { comparer } from "@/components/product-list/order";
import type { Sort, Status } from "@/lib/url-state";

export const now = new Date("2026-11-22T11:38:00Z");
const asOf = "2026-11-22T11:35:12Z";
const today = "2026-11-22";
const dayMs = 86_400_000;

export const thresholds = { critical_max: 5, low_max: 20, normal_max: 100 };

/** Numbers that look drawn by chance and never change; `seed` starts a stream of its own. */
export function chance(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 13), 3266489917) >>> 0;
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}

const names = [
  "Термокружка стальная 350 мл, белая",
  "Набор контейнеров для сыпучих продуктов, 5 шт., с крышками",
  "Jumbo Bag Red Retrospot",
  "White Hanging Heart T-Light Holder",
  "Плед флисовый 150×200 «Ёлочка», бордовый",
  "Regency Cakestand 3 Tier",
  "Гирлянда светодиодная 10 м, тёплый свет",
  "Лампа настольная «Север», дуб, E27",
  "Alarm Clock Bakelike Green",
  "Фоторамка деревянная 21×30, белая",
  "Party Bunting",
  "Скатерть льняная 140×220, натуральная",
];

export const money = (amount: number | string) => ({
  amount: typeof amount === "string" ? amount : amount.toFixed(2),
  currency: "RUB",
});

export function statusOf(available: number | null): Status {
  if (available === null) return "unknown";
  if (available <= thresholds.critical_max) return "critical";
  if (available <= thresholds.low_max) return "low";
  return available <= thresholds.normal_max ? "normal" : "overstock";
}

/** A row with everything the rest follows from; whatever is given wins. */
export function productRow(part: Partial<ProductRow> & { id: string }): ProductRow {
  const draw = chance(Number(part.id.replace(/\D/g, "")) + 1);
  const pick = draw();
  const drawn =
    pick < 0.05
      ? Math.floor(draw() * 6)
      : pick < 0.17
        ? 6 + Math.floor(draw() * 15)
        : pick < 0.82
          ? 21 + Math.floor(draw() * 80)
          : 101 + Math.floor(draw() ** 3 * 1200);
  const available = part.available === undefined ? drawn : part.available;
  const status = part.status ?? statusOf(available);
  const pace = draw() * 4;
  const spark = part.spark ?? Array.from({ length: 30 }, () => Math.max(0, Math.round(pace * 2 * draw() - 0.4)));
  const sold = part.sold_30d ?? spark.reduce((sum, one) => sum + one, 0);
  const price = Math.round(190 + draw() * 2400);
  const stockValue = available === null ? null : money(available * price);
  const byStock = status === "overstock" || status === "normal";
  return {
    name: names[Number(part.id.replace(/\D/g, "")) % names.length] ?? "Product",
    code: `TM-${part.id.replace(/\D/g, "")}-BK`,
    accounts: [],
    marketplaces: draw() < 0.4 ? ["ozon", "wildberries"] : draw() < 0.7 ? ["ozon"] : ["wildberries"],
    present: available,
    reserved: available === null ? null : 0,
    inbound: null,
    places: 4,
    revenue_30d: money(sold * price),
    cover_days: available === null || sold === 0 ? null : Math.round((available / (sold / 30)) * 10) / 10,
    price: money(price),
    stock_value: stockValue,
    effect: byStock ? (stockValue ?? money(0)) : money(sold * price),
    effect_kind: byStock ? "stock_value" : "sold_30d",
    stale: false,
    archived: false,
    ...part,
    available,
    status,
    spark,
    sold_30d: sold,
  };
}

export const meta: Meta = {
  version: "1.0",
  shop_name: "Дом и уют",
  time_zone: "Europe/Moscow",
  currency: "RUB",
  thresholds,
  demo: true,
  sources: ["ozon", "wildberries"],
  slots: ["ozon", "wildberries"],
};

const addDays = (day: string, by: number) => new Date(Date.parse(day) + by * dayMs).toISOString().slice(0, 10);

export const places: Place[] = [
  ["Москва · Хоругвино", "Москва", "ozon", "FBO"],
  ["Казань", "Поволжье", "ozon", "FBO"],
  ["Санкт-Петербург · Шушары", "Северо-Запад", "ozon", "FBO"],
  ["Склад Мытищи", null, "ozon", "FBS"],
  ["Склад WB", null, "wildberries", "FBW"],
].map(([name, region, source, scheme], index) => ({
  id: index + 1,
  name: name ?? "",
  region: region ?? null,
  source: source ?? "",
  account: "main",
  scheme: scheme ?? "",
  products: 400 - index * 61,
  available: 12_000 - index * 2_011,
}));

/** What a test may say about the shop before it opens a page. */
export interface ShopOptions {
  products?: number;
  generation?: number;
  rows?: ProductRow[];
}

export function createShop({ products = 260, generation = 7, rows: given }: ShopOptions = {}) {
  const rows = given ?? Array.from({ length: products }, (_, index) => productRow({ id: `item-${index + 1}` }));
  const active = rows.filter((row) => !row.archived);
  const sumOf = (some: readonly ProductRow[], of: (row: ProductRow) => string | undefined) =>
    money(some.reduce((sum, row) => sum + Number(of(row) ?? 0), 0));

  const category = (status: Status): Category => {
    const own = active.filter((row) => row.status === status);
    const draw = chance(status.length);
    const edges: Record<Status, [number | null, number | null]> = {
      critical: [null, 5],
      low: [5, 20],
      normal: [20, 100],
      overstock: [100, null],
      unknown: [null, null],
    };
    return {
      status,
      products: own.length,
      money: sumOf(own, (row) => row.effect.amount),
      effect_kind: status === "critical" || status === "low" ? "sold_30d" : "stock_value",
      above_units: edges[status][0],
      up_to_units: edges[status][1],
      trend: Array.from({ length: 30 }, (_, index) => ({
        day: addDays(today, index - 29),
        products:
          index === 29 ? own.length : Math.max(0, Math.round(own.length * (0.8 + index * 0.006 + draw() * 0.05))),
      })),
    };
  };

  const sorted = (some: readonly ProductRow[], sort: Sort) => [...some].sort(comparer(sort));
  const top = (status: Status) =>
    sorted(
      active.filter((row) => row.status === status),
      "-effect",
    ).slice(0, 10);
  const categories = (["critical", "low", "normal", "overstock", "unknown"] as const).map(category);

  const dashboard: Dashboard = {
    generation,
    freshness: "fresh",
    as_of: asOf,
    sources: [
      {
        account_id: 1,
        source: "ozon",
        name: "Ozon",
        freshness: "fresh",
        as_of: asOf,
        stale_after_seconds: 5400,
        last_error: null,
        read: true,
      },
      {
        account_id: 2,
        source: "wildberries",
        name: "Wildberries",
        freshness: "fresh",
        as_of: "2026-11-22T11:31:40Z",
        stale_after_seconds: 5400,
        last_error: null,
        read: true,
      },
    ],
    currency: "RUB",
    thresholds,
    products: active.length,
    need_decision: active.filter((row) => ["critical", "low", "overstock"].includes(row.status)).length,
    stock_value: sumOf(active, (row) => row.stock_value?.amount),
    revenue_30d: sumOf(active, (row) => row.revenue_30d.amount),
    categories,
    top: { critical: top("critical"), low: top("low"), overstock: top("overstock") },
  };

  const search = (query: URLSearchParams): ProductPage => {
    const list = (name: string) => query.get(name)?.split(",") ?? [];
    const [status, marketplace] = [list("status"), list("marketplace")];
    const state = query.get("state") ?? "active";
    const q = (query.get("q") ?? "").toLocaleLowerCase("ru");
    const found = rows
      .filter((row) => state === "all" || row.archived === (state === "archived"))
      .filter((row) => status.length === 0 || status.includes(row.status))
      .filter((row) => marketplace.length === 0 || row.marketplaces.some((one) => marketplace.includes(one)))
      .filter((row) => `${row.name} ${row.code}`.toLocaleLowerCase("ru").includes(q));
    const ordered = sorted(found, (query.get("sort") ?? "-effect") as Sort);
    const from = Number(query.get("cursor") ?? 0);
    const limit = Number(query.get("limit") ?? 50);
    const next = from + limit;
    return {
      generation,
      as_of: asOf,
      total: found.length,
      items: ordered.slice(from, next),
      next_cursor: next < found.length ? String(next) : null,
    };
  };

  const detail = (id: string): ProductDetail | null => {
    const product = rows.find((row) => row.id === id);
    if (!product) return null;
    const shares = [0.4, 0.2, 0.15, 0.15, 0.1];
    let left = product.available ?? 0;
    const stock = places.map((place, index): PlaceStock => {
      const available =
        index === places.length - 1
          ? left
          : Math.min(left, Math.round((product.available ?? 0) * (shares[index] ?? 0)));
      left -= available;
      return {
        place_id: place.id,
        place: place.name,
        region: place.region,
        source: place.source,
        account: place.account,
        scheme: place.scheme,
        sku_id: "148201943",
        status: statusOf(available),
        available,
        present: available + (index === 0 ? 2 : 0),
        reserved: index === 0 ? 2 : 0,
        inbound: place.source === "ozon" ? (index === 1 ? 40 : 0) : null,
        to_client: null,
        from_client: null,
        since: new Date(Date.parse(asOf) - (index + 1) * 17 * 3_600_000).toISOString(),
        stale: false,
        response: index === 3 ? null : `${index}f2c41ab`.padEnd(64, "0"),
      };
    });
    return {
      generation,
      as_of: asOf,
      product,
      listings: product.marketplaces.map((source, index) => ({
        source,
        account: "main",
        listing_id: `${index + 1}48201943`,
        sku_id: `${index + 1}7770021`,
        offer_id: product.code,
        name: product.name,
        size: null,
        archived: false,
        price: product.price,
        barcodes: [`460000000001${index}`],
      })),
      places: product.available === null ? [] : stock,
      supplies: [
        {
          source: "ozon",
          account: "Дом и Уют",
          supply_id: "2000012345678",
          sku_id: "148201943",
          place: stock[1]?.place ?? null,
          state: "on_the_way",
          quantity: 40,
          accepted: null,
          expected_at: new Date(Date.parse(asOf) + 5 * 86_400_000).toISOString(),
          response: null,
        },
      ],
      returns: {
        begun_30d: 3,
        begun_30d_uncounted: 0,
        under_way: 1,
        under_way_uncounted: 0,
        reasons: ["Не подошёл", "Брак"],
        unread: [],
      },
      finance: {
        as_of: asOf,
        net: { amount: "4523.50", currency: "RUB" },
        kinds: [
          { kind: "sale", amount: { amount: "7000.00", currency: "RUB" }, lines: 10, response: "ab".repeat(32) },
          { kind: "return", amount: { amount: "-700.00", currency: "RUB" }, lines: 1, response: null },
          { kind: "commission", amount: { amount: "-1120.00", currency: "RUB" }, lines: 11, response: null },
          { kind: "delivery", amount: { amount: "-656.50", currency: "RUB" }, lines: 22, response: null },
        ],
        unread: [],
      },
      storage: {
        as_of: asOf,
        cost: { amount: "212.40", currency: "RUB" },
        days: 29,
        first_day: addDays(today, -29),
        last_day: addDays(today, -1),
        response: "cd".repeat(32),
        unread: [],
      },
      funnel: {
        as_of: asOf,
        now: {
          first_day: addDays(today, -28),
          last_day: addDays(today, -1),
          days: 28,
          incomplete: [],
          opened: 4120,
          carted: 371,
          ordered: 96,
          bought: 58,
          cancelled: 14,
          wished: 83,
          to_cart: 0.09,
          to_order: 0.2588,
          to_buyout: 0.8056,
          response: "ef".repeat(32),
        },
        before: {
          first_day: addDays(today, -56),
          last_day: addDays(today, -29),
          days: 25,
          incomplete: [{ source: "wildberries", account: "Main" }],
          opened: 3904,
          carted: 402,
          ordered: 104,
          bought: 81,
          cancelled: 22,
          wished: null,
          to_cart: 0.103,
          to_order: 0.2587,
          to_buyout: 0.7864,
          response: null,
        },
        unread: [],
      },
      thresholds,
      first_known: addDays(today, -60),
    };
  };

  const history = (id: string, days: number): ProductHistory | null => {
    const product = rows.find((row) => row.id === id);
    if (!product) return null;
    const draw = chance(Number(id.replace(/\D/g, "")) + 77);
    const all: HistoryDay[] = [];
    let stock = 30;
    for (let back = 729; back >= 0; back -= 1) {
      const wish = Math.max(0, Math.round(draw() * 7 - 1));
      const start = stock;
      const ordered = Math.min(stock, wish);
      stock -= ordered;
      if (stock === 0 && draw() < 0.2) stock = 60 + Math.round(draw() * 90);
      const known = back <= 60;
      const end = back === 0 ? product.available : stock;
      all.push({
        day: addDays(today, -back),
        ordered: back < 30 ? (product.spark[29 - back] ?? 0) : ordered,
        cancelled: draw() < 0.05 ? 1 : 0,
        revenue: money(ordered * 990),
        stock_end: known ? end : null,
        stock_low: known ? Math.min(start, stock) : null,
        out_of_stock: known ? (start === 0 ? 1 : 0) : null,
        incomplete: false,
      });
    }
    return { generation, id, days: all.slice(-days) };
  };

  const why = (id: string): Why | null => {
    const found = detail(id);
    if (!found) return null;
    return {
      id,
      value: found.product.available,
      known_at: asOf,
      parts: found.places.map((place) => ({
        label: place.place,
        scheme: `${place.source === "ozon" ? "Ozon" : "WB"} ${place.scheme}`,
        value: place.available,
        read_at: "2026-11-22T11:35:08Z",
        endpoint: "/v1/analytics/stocks",
        response: place.response,
        excerpt: place.response
          ? `{"offer_id":"${found.product.code}","sku":9007199254740993,"cluster_name":"${place.place}","available_stock_count":${place.available ?? 0},"transit_stock_count":40}`
          : null,
      })),
    };
  };

  return { meta, dashboard, places, rows, search, detail, history, why };
}

export type Shop = ReturnType<typeof createShop>;

const streamOrder = ["warehouses", "catalogue", "stock", "orders", "sales"];

/** What reading the asked days would take: a request a day, a minute each. */
export function backfillPlan(url: URL): BackfillPlan {
  const asked = url.searchParams;
  const [first, end] = [asked.get("first_day") ?? "", asked.get("end_day") ?? ""];
  const windows = Math.round((Date.parse(end) - Date.parse(first)) / 86_400_000);
  // Ozon tells its sales with its finances; supplies cannot be asked for by date.
  const past = asked.get("source") === "ozon" ? ["orders", "finance", "supplies"] : ["orders", "sales", "supplies"];
  const streams = past
    .map((name) => ({ stream: name, windows: name === "supplies" ? 0 : windows }))
    .map((plan) => ({
      ...plan,
      first_day: first,
      end_day: end,
      requests_at_least: plan.windows,
      seconds_at_least: plan.windows * 60,
      kept_from: null,
      reason: plan.windows > 0 ? null : "The marketplace cannot be asked for supplies by date.",
      here: [{ month: first.slice(0, 7), rows: 1_204 }],
    }));
  const sum = windows * streams.length;
  return {
    source: asked.get("source") ?? "",
    first_day: first,
    end_day: end,
    requests_at_least: sum,
    seconds_at_least: sum * 60,
    streams,
  };
}

export function streamRun(part: Partial<StreamRun> & { stream: string }): StreamRun {
  return {
    state: "waiting",
    expected_rows: null,
    rows_read: 0,
    rows_loaded: 0,
    rows_unchanged: 0,
    rows_rejected: 0,
    started_at: null,
    finished_at: null,
    message: null,
    findings: [],
    windows: null,
    windows_done: null,
    rows_new: null,
    ...part,
  };
}

export function run(part: Partial<Run> & { id: number }): Run {
  return {
    source: "ozon",
    account: "main",
    state: "done",
    trigger: "schedule",
    full: false,
    created_at: "2026-11-22T11:05:00Z",
    started_at: "2026-11-22T11:05:00Z",
    finished_at: "2026-11-22T11:05:44Z",
    rows_read: 38_112,
    rows_loaded: 904,
    rows_unchanged: 37_208,
    rows_rejected: 0,
    rows_per_second: 866.2,
    eta_seconds: null,
    progress: 1,
    message: null,
    remedy: null,
    kind: "sync",
    first_day: null,
    end_day: null,
    waits_until: null,
    streams: streamOrder.map((stream) =>
      streamRun({
        stream,
        state: "done",
        expected_rows: 7_622,
        rows_read: 7_622,
        rows_loaded: 180,
        rows_unchanged: 7_442,
        started_at: "2026-11-22T11:05:00Z",
        finished_at: "2026-11-22T11:05:09Z",
      }),
    ),
    ...part,
  };
}

export const runningRun = (part: Partial<Run> = {}): Run =>
  run({
    id: 101,
    state: "running",
    started_at: "2026-11-22T11:37:40Z",
    finished_at: null,
    rows_read: 27_010,
    rows_loaded: 3_076,
    rows_unchanged: 23_933,
    rows_rejected: 1,
    rows_per_second: 1286,
    eta_seconds: 9,
    progress: 0.71,
    streams: [
      streamRun({
        stream: "warehouses",
        state: "done",
        rows_read: 24,
        rows_unchanged: 24,
        expected_rows: 24,
        started_at: "2026-11-22T11:37:40Z",
        finished_at: "2026-11-22T11:37:41Z",
      }),
      streamRun({
        stream: "catalogue",
        state: "done",
        rows_read: 1163,
        rows_loaded: 12,
        rows_unchanged: 1151,
        started_at: "2026-11-22T11:37:41Z",
        finished_at: "2026-11-22T11:37:44Z",
      }),
      streamRun({
        stream: "stock",
        state: "done",
        rows_read: 6420,
        rows_loaded: 412,
        rows_unchanged: 6008,
        started_at: "2026-11-22T11:37:44Z",
        finished_at: "2026-11-22T11:37:50Z",
      }),
      streamRun({
        stream: "orders",
        state: "running",
        expected_rows: 28_500,
        rows_read: 18_240,
        rows_loaded: 2_614,
        rows_unchanged: 15_625,
        rows_rejected: 1,
        started_at: "2026-11-22T11:37:50Z",
      }),
      streamRun({ stream: "sales" }),
    ],
    ...part,
  });

export const earlierRuns: Run[] = [
  run({
    id: 100,
    source: "wildberries",
    created_at: "2026-11-22T11:30:00Z",
    started_at: "2026-11-22T11:30:00Z",
    finished_at: "2026-11-22T11:30:38Z",
    rows_read: 21_904,
  }),
  run({ id: 99 }),
  run({
    id: 98,
    source: "wildberries",
    state: "gaps",
    started_at: "2026-11-22T11:00:00Z",
    finished_at: "2026-11-22T11:00:41Z",
    rows_rejected: 12,
    message: "12 order rows have no price and were set aside.",
    remedy:
      "The other 22,004 rows are published and complete. Such rows usually fill in within an hour and are read again.",
  }),
  run({
    id: 97,
    state: "failed",
    trigger: "button",
    started_at: "2026-11-22T09:50:00Z",
    finished_at: "2026-11-22T09:50:06Z",
    rows_read: 4_210,
    rows_loaded: 0,
    rows_unchanged: 4_210,
    message: "ozon refused the key (HTTP 403).",
    remedy: "Nothing was changed. Put a valid key into OZON_API_KEY and start again.",
  }),
  run({
    id: 96,
    state: "stopped",
    trigger: "button",
    started_at: "2026-11-21T16:10:00Z",
    finished_at: "2026-11-21T16:10:20Z",
    full: true,
  }),
];

export const syncOverview = (part: Partial<SyncOverview> = {}): SyncOverview => ({
  sources: [
    {
      source: "ozon",
      plugin: "ozon",
      account_id: 1,
      key: null,
      title: "Ozon",
      account: "main",
      configured: true,
      reason: null,
      schedule: "*/30 * * * *",
      next_run_at: "2026-11-22T12:00:00Z",
      streams: streamOrder,
      freshness: "fresh",
      as_of: asOf,
      last_success_at: asOf,
    },
    {
      source: "wildberries",
      plugin: "wildberries",
      account_id: null,
      key: null,
      title: "Wildberries",
      account: null,
      configured: false,
      reason: "No key: set MICORE_WILDBERRIES_TOKEN or put it into the secrets file.",
      schedule: null,
      next_run_at: null,
      streams: ["catalogue", "stock"],
      freshness: "never",
      as_of: null,
      last_success_at: null,
    },
  ],
  running: [],
  ...part,
});
