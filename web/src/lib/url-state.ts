/** What the pages keep in the URL: its shape, its defaults, and how it is written. Wrong values fall back, never fail. */

export const statuses = ["critical", "low", "normal", "overstock", "unknown"] as const;
export type Status = (typeof statuses)[number];

/** The statuses that ask for a decision, in the order they are shown. */
export const decisionStatuses = ["critical", "low", "overstock"] as const;
export type DecisionStatus = (typeof decisionStatuses)[number];

export const sortKeys = ["effect", "name", "code", "available", "sold", "cover", "value", "status"] as const;
export type SortKey = (typeof sortKeys)[number];
/** A leading minus sorts downwards. */
export type Sort = SortKey | `-${SortKey}`;

export const ranges = [30, 90, 365, 730] as const;
export type Range = (typeof ranges)[number];

export const productStates = ["active", "archived", "all"] as const;
export type ProductState = (typeof productStates)[number];

export interface RootSearch {
  /** A language that wins over the reader's last choice. */
  lang?: string;
}

export interface DashboardSearch extends RootSearch {
  status?: DecisionStatus[];
  /** Categories shown whole rather than as their top ten. */
  all?: DecisionStatus[];
  marketplace?: string[];
  place?: number[];
  sort?: Sort;
}

export interface ProductsSearch extends RootSearch {
  q?: string;
  status?: Status[];
  marketplace?: string[];
  /** Ids of accounts. */
  account?: number[];
  place?: number[];
  state?: ProductState;
  sort?: Sort;
}

export interface ProductSearch extends RootSearch {
  range?: Range;
  view?: "table";
  why?: true;
}

export interface SyncSearch extends RootSearch {
  findings?: true;
}

export const rowStates = ["waiting", "loaded", "dropped", "superseded"] as const;

export interface QuarantineSearch extends RootSearch {
  source?: string;
  account?: number;
  stream?: string;
  rule?: string;
  state?: (typeof rowStates)[number];
  row?: number;
}

type Raw = Record<string, unknown>;

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

/** What the server takes at most, in letters. */
export const longestQuery = 200;
const longestNames = 200;
const longestIds = 400;

/** A comma list, or the array it was made from. */
function list(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  return text(value)?.split(",").filter(Boolean) ?? [];
}

/** As many as fit into a comma list of so many letters; nothing is undefined. */
function fitting<T extends string | number>(values: readonly T[], letters: number): T[] | undefined {
  let left = letters + 1;
  const found = values.filter((value) => (left -= String(value).length + 1) >= 0);
  return found.length > 0 ? found : undefined;
}

function among<T extends string>(allowed: readonly T[], value: unknown): T[] | undefined {
  const asked = new Set(list(value));
  const found = allowed.filter((one) => asked.has(one));
  return found.length > 0 ? found : undefined;
}

function names(value: unknown): string[] | undefined {
  const found = [...new Set(list(value))].filter((name) => /^[a-z0-9_-]{1,40}$/i.test(name));
  return fitting(found, longestNames);
}

function ids(value: unknown): number[] | undefined {
  const found = list(value).filter((id) => /^[1-9][0-9]{0,14}$/.test(id));
  return fitting([...new Set(found.map(Number))], longestIds);
}

function sort(value: unknown): Sort | undefined {
  const asked = text(value);
  const key = asked?.replace(/^-/, "");
  return sortKeys.some((one) => one === key) ? (asked as Sort) : undefined;
}

/**
 * Every key a page reads, undefined where the address says nothing of use. The router lays this over the raw query: a key
 * left out would keep its raw value, however wrong.
 */
const whole = <T extends object>(value: { [K in keyof Required<T>]: T[K] | undefined }): T => value as T;

/** A copy without the named keys. */
export function without<T extends object, K extends keyof T>(value: T, ...keys: K[]): Omit<T, K> {
  const left = Object.entries(value).filter(([key]) => !keys.some((one) => one === key));
  return Object.fromEntries(left) as Omit<T, K>;
}

/** Without marketplaces that this installation has no source for: the server refuses to be asked for them. */
export function withKnown<S extends { marketplace?: string[] }>(search: S, sources: readonly string[]): S {
  const { marketplace, ...rest } = search;
  const known = marketplace?.filter((source) => sources.includes(source)) ?? [];
  return (known.length > 0 ? { ...rest, marketplace: known } : rest) as S;
}

export const readRoot = (raw: Raw): RootSearch => whole<RootSearch>({ lang: text(raw.lang) });

export const readDashboard = (raw: Raw): DashboardSearch =>
  whole<Omit<DashboardSearch, "lang">>({
    status: among(decisionStatuses, raw.status),
    all: among(decisionStatuses, raw.all),
    marketplace: names(raw.marketplace),
    place: ids(raw.place),
    sort: sort(raw.sort),
  });

export const readProducts = (raw: Raw): ProductsSearch =>
  whole<Omit<ProductsSearch, "lang">>({
    q: text(raw.q)?.slice(0, longestQuery),
    status: among(statuses, raw.status),
    marketplace: names(raw.marketplace),
    account: ids(raw.account),
    place: ids(raw.place),
    state: productStates.find((state) => state === raw.state && state !== "active"),
    sort: sort(raw.sort),
  });

export const readProduct = (raw: Raw): ProductSearch =>
  whole<Omit<ProductSearch, "lang">>({
    range: ranges.find((range) => range === Number(raw.range)),
    view: raw.view === "table" ? "table" : undefined,
    why: raw.why === "1" || raw.why === true ? true : undefined,
  });

export const readSync = (raw: Raw): SyncSearch =>
  whole<Omit<SyncSearch, "lang">>({ findings: raw.findings === "1" || raw.findings === true ? true : undefined });

const longestRule = 700;

/** A number above zero, as it stands in an address. */
function counted(value: unknown): number | undefined {
  const number = typeof value === "number" || typeof value === "string" ? Number(value) : NaN;
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}

export const readQuarantine = (raw: Raw): QuarantineSearch =>
  whole<Omit<QuarantineSearch, "lang">>({
    source: text(raw.source)?.slice(0, longestNames),
    account: counted(raw.account),
    stream: text(raw.stream)?.slice(0, longestNames),
    rule: text(raw.rule)?.slice(0, longestRule),
    state: rowStates.find((state) => state === raw.state),
    row: counted(raw.row),
  });

/** "?status=critical,low&q=mug": readable, and the same for the same state. */
export function writeSearch(search: Raw): string {
  const pairs = Object.entries(search).flatMap(([key, value]): [string, string][] => {
    if (value === undefined || value === null || value === "" || value === false) return [];
    if (Array.isArray(value)) return value.length > 0 ? [[key, value.map(String).join(",")]] : [];
    if (value === true) return [[key, "1"]];
    return typeof value === "string" || typeof value === "number" ? [[key, String(value)]] : [];
  });
  const written = pairs
    .map(
      ([key, value]) =>
        `${encodeURIComponent(key)}=${encodeURIComponent(value).replaceAll("%2C", ",").replaceAll("%20", "+")}`,
    )
    .join("&");
  return written && `?${written}`;
}

/** The flat texts of a query string; a name given twice keeps its first value. */
export function parseSearch(query: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [key, value] of new URLSearchParams(query)) found[key] ??= value;
  return found;
}
