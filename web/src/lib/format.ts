/** Numbers, money, dates and durations as the reader's language writes them; the only file that calls Intl for output. */

export const locales = ["en", "ru", "fr"] as const;
export type Locale = (typeof locales)[number];

/** Decimal text with its ISO 4217 currency; it never becomes a float on its way to the screen. */
export interface Money {
  amount: string;
  currency: string;
}

/** Unknown is written as a dash, never as 0. */
export const unknown = "–";

/** Days of cover beyond which a figure says no more than "very long". */
export const longestCover = 999;

const minuteMs = 60_000;

/** A typographic minus; Intl writes a hyphen in English and French. */
const withMinus = (text: string) => text.replace(/^-|(?<=[\s₽$€(])-/u, "−");

/** Intl takes decimal text as it is; TypeScript asks for a promise that it is a number. */
const decimal = (text: string) => text as Intl.StringNumericLiteral;

/** Half away from zero, to whole units of the currency, without a float in between. */
export function wholeUnits(amount: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(amount);
  if (!match) throw new RangeError(`An amount of money is decimal text such as "1249.00", not "${amount}".`);
  const [, sign, whole, fraction] = match;
  const rounded = BigInt(whole ?? "0") + ((fraction ?? "0").charCodeAt(0) >= 53 ? 1n : 0n);
  return sign ? -rounded : rounded;
}

/** Two digits after the point where there are any, none for whole amounts. */
const exactDigits = (amount: string) => (/\.\d*[1-9]/.test(amount) ? 2 : 0);

/** Sums amounts as they are shown, so that a total is the sum of the lines above it. */
export function sumShown(amounts: readonly Money[]): bigint {
  return amounts.reduce((sum, { amount }) => sum + wholeUnits(amount), 0n);
}

function parts(format: Intl.DateTimeFormat, at: Date): Record<string, string> {
  return Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
}

/** A business day as an instant that formats back to the same day in UTC. */
const dayInstant = (day: string) => new Date(`${day}T00:00:00Z`);

/**
 * Everything that is written, bound to one language and the shop's time zone.
 * `timeZone` is an IANA name; instants are ISO text in UTC, days are ISO `YYYY-MM-DD`. Times stand in the shop's zone, and
 * say so where the reader's own zone is another one.
 */
export function createFormats(locale: Locale, timeZone: string, readerZone?: string) {
  // "Sept" is the British month; the house writes "Sep", in the British order.
  const tag = { en: "en-US", ru: "ru-RU", fr: "fr-FR" }[locale];
  const numbers = new Map<number, Intl.NumberFormat>();
  const decimals = (digits: number, least = 0) => {
    const key = digits * 10 + least;
    let found = numbers.get(key);
    if (!found) {
      found = new Intl.NumberFormat(tag, { maximumFractionDigits: digits, minimumFractionDigits: least });
      numbers.set(key, found);
    }
    return found;
  };
  const currencies = new Map<string, Intl.NumberFormat>();
  const currencyFormat = (currency: string, exact: boolean) => {
    const key = `${currency}${exact ? "+" : ""}`;
    let found = currencies.get(key);
    if (!found) {
      found = new Intl.NumberFormat(tag, {
        style: "currency",
        currency,
        currencyDisplay: "narrowSymbol",
        minimumFractionDigits: exact ? 2 : 0,
        maximumFractionDigits: exact ? 2 : 0,
        ...(exact ? { trailingZeroDisplay: "stripIfInteger" as const } : {}),
        roundingMode: "halfExpand",
      });
      currencies.set(key, found);
    }
    return found;
  };
  const percents = new Intl.NumberFormat(tag, { style: "percent", maximumFractionDigits: 0 });
  const exactPercents = new Intl.NumberFormat(tag, { style: "percent", maximumFractionDigits: 1 });
  const wholeMoney = new Intl.NumberFormat(tag, { maximumFractionDigits: 0, roundingMode: "halfExpand" });
  const clocks = new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const seconds = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  });
  const dayFormats = (zone: string) => ({
    short: new Intl.DateTimeFormat(tag, { timeZone: zone, day: "numeric", month: "short" }),
    long: new Intl.DateTimeFormat(tag, { timeZone: zone, day: "numeric", month: "short", year: "numeric" }),
    iso: new Intl.DateTimeFormat("sv-SE", { timeZone: zone }),
  });
  const inShop = dayFormats(timeZone);
  const inUtc = dayFormats("UTC");
  const weekdays = new Intl.DateTimeFormat(tag, { timeZone: "UTC", weekday: "long" });
  const inReader = new Intl.DateTimeFormat("sv-SE", readerZone ? { timeZone: readerZone } : {});
  const offsets = (zone: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat("en-US", { ...zone, timeZoneName: "shortOffset" });
  const shopOffset = offsets({ timeZone });
  const readerOffset = offsets(readerZone ? { timeZone: readerZone } : {});
  const offset = (format: Intl.DateTimeFormat, at: Date) => parts(format, at).timeZoneName ?? "";

  const writeDay = (formats: ReturnType<typeof dayFormats>, at: Date, year: boolean) => {
    const format = year ? formats.long : formats.short;
    if (locale !== "en") return format.format(at);
    const p = parts(format, at);
    return `${p.day ?? ""} ${p.month ?? ""}${year ? ` ${p.year ?? ""}` : ""}`;
  };

  const time = (instant: string) => clocks.format(new Date(instant));
  const instantDay = (instant: string, year = false) => writeDay(inShop, new Date(instant), year);
  const day = (iso: string, year = false) => writeDay(inUtc, dayInstant(iso), year);
  const shopDay = (instant: Date) => inShop.iso.format(instant);
  const zone = (instant: string) => {
    const at = new Date(instant);
    const here = offset(shopOffset, at);
    return here === offset(readerOffset, at) ? "" : here;
  };
  /** Whether a bare time would mean the same day to the shop and to the reader, and today. */
  const isToday = (at: Date, now: Date) => shopDay(at) === shopDay(now) && inReader.format(now) === shopDay(now);
  const clock = (instant: string, now: Date) =>
    isToday(new Date(instant), now) ? time(instant) : `${instantDay(instant)}, ${time(instant)}`;

  return {
    locale,
    timeZone,
    /** A count or a quantity, at most three decimals. */
    number: (value: number | null | undefined): string =>
      value === null || value === undefined ? unknown : withMinus(decimals(3).format(value)),
    /** Days of cover: one decimal below a hundred, none above, ">999" beyond that. */
    cover: (days: number | null | undefined): string =>
      days === null || days === undefined
        ? unknown
        : days > longestCover
          ? `>${decimals(0).format(longestCover)}`
          : withMinus(days >= 100 ? decimals(0).format(days) : decimals(1, 1).format(days)),
    percent: (share: number | null | undefined): string =>
      share === null || share === undefined ? unknown : percents.format(share),
    /** One decimal below ten percent, where it tells the most. */
    rate: (share: number | null | undefined): string =>
      share === null || share === undefined ? unknown : (share < 0.1 ? exactPercents : percents).format(share),
    /** With its sign, in whole units: what totals and totals' parts use. */
    money: (value: Money | null | undefined): string =>
      value ? withMinus(currencyFormat(value.currency, false).format(decimal(value.amount))) : unknown,
    /** With its sign, kopecks where there are any: a price. */
    price: (value: Money | null | undefined): string =>
      value ? withMinus(currencyFormat(value.currency, true).format(decimal(value.amount))) : unknown,
    /** Without the sign, for a column that has it in its head. */
    bareMoney: (value: Money | null | undefined): string =>
      value ? withMinus(wholeMoney.format(decimal(value.amount))) : unknown,
    /** A price for a column that has the sign in its head. */
    barePrice: (value: Money | null | undefined): string =>
      value ? withMinus(decimals(2, exactDigits(value.amount)).format(decimal(value.amount))) : unknown,
    /** The sign alone, "₽". */
    currencySign: (currency: string): string =>
      currencyFormat(currency, false)
        .formatToParts(0)
        .find(({ type }) => type === "currency")?.value ?? currency,
    /** "14:35" in the shop's zone. */
    time,
    /** "14:35:12" in the shop's zone. */
    timeWithSeconds: (instant: string): string => seconds.format(new Date(instant)),
    /** "22 Nov" of a business day. */
    day,
    /** "Monday, 16 Nov" of a business day. */
    weekday: (iso: string) => `${weekdays.format(dayInstant(iso))}, ${day(iso)}`,
    /** "22 Nov" of an instant, in the shop's zone. */
    instantDay,
    /** The business day an instant falls on, ISO. */
    shopDay,
    /** "22 Nov, 14:35". */
    dateTime: (instant: string): string => `${instantDay(instant)}, ${time(instant)}`,
    /** "22 Nov 2026, 14:35:12 GMT+3": the exact instant with its zone. */
    exact: (instant: string): string => {
      const at = new Date(instant);
      return `${writeDay(inShop, at, true)}, ${seconds.format(at)} ${offset(shopOffset, at) || timeZone}`;
    },
    /** "14:35" on the day of `now`, else "22 Nov, 14:35". */
    clock,
    /** "GMT+3", the shop's offset at that instant, where the reader's is another one; else nothing. */
    zone,
    /** `clock` with `zone` behind it, for a sentence. */
    zonedClock: (instant: string, now: Date): string =>
      [clock(instant, now), zone(instant)].filter(Boolean).join("\u00A0"),
    /** "6–13 Dec", "28 Nov – 3 Dec"; both ends included. */
    dayRange: (from: string, to: string): string => {
      if (from === to) return day(from);
      if (from.slice(0, 7) !== to.slice(0, 7)) return `${day(from)} – ${day(to)}`;
      return `${Number(from.slice(8))}–${day(to)}`;
    },
    /** Whole minutes between two instants, never negative: a clock may be ahead of ours. */
    minutesSince: (instant: string, now: Date): number =>
      Math.max(0, Math.floor((now.getTime() - new Date(instant).getTime()) / minuteMs)),
  };
}

export type Formats = ReturnType<typeof createFormats>;
