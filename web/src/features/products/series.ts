/** What the chart draws, from the days of the API: bars, steps of stock, and the stretches without it. */
import type { HistoryDay } from "@/api/types";

/** A day counts as out of stock when at least half of what is known of it was. */
const outShare = 0.5;
/** Above this many days, a bar is a week: thinner ones cannot be told apart. */
const dailyUpTo = 120;
const week = 7;

export interface Bar {
  from: number;
  /** Index of the last day, included. */
  to: number;
  sold: number;
  /** Not all that was ordered is known. */
  incomplete: boolean;
}

export interface Stretch {
  from: number;
  to: number;
  days: number;
}

export const isOut = (day: HistoryDay) => day.out_of_stock !== null && day.out_of_stock >= outShare;

export const weekly = (days: number) => days > dailyUpTo;

/** Days, or weeks that end today so that the last bar is a whole one. */
export function bars(days: readonly HistoryDay[]): Bar[] {
  if (!weekly(days.length)) {
    return days.map((day, index) => ({ from: index, to: index, sold: day.ordered, incomplete: day.incomplete }));
  }
  const found: Bar[] = [];
  for (let to = days.length - 1; to >= 0; to -= week) {
    const from = Math.max(0, to - week + 1);
    const within = days.slice(from, to + 1);
    const sold = within.reduce((sum, day) => sum + day.ordered, 0);
    found.unshift({ from, to, sold, incomplete: within.some((day) => day.incomplete) });
  }
  return found;
}

/** Runs of days without stock. */
export function stretches(days: readonly HistoryDay[]): Stretch[] {
  const found: Stretch[] = [];
  days.forEach((day, index) => {
    if (!isOut(day)) return;
    const last = found.at(-1);
    if (last?.to === index - 1) {
      last.to = index;
      last.days += 1;
    } else {
      found.push({ from: index, to: index, days: 1 });
    }
  });
  return found;
}

/**
 * The first day of the stretch without stock that lasts until now; null while there is stock or no day is known.
 * Not exact where the stretch begins with what we know: it may be older.
 */
export function emptySince(days: readonly HistoryDay[]): { day: string; exact: boolean } | null {
  let first = days.length;
  while (first > 0 && (days[first - 1]?.stock_end ?? 1) <= 0) first -= 1;
  const day = days[first]?.day;
  if (day === undefined) return null;
  return { day, exact: first > 0 && days[first - 1]?.stock_end !== null };
}

/** Index of the first day with a stock reading; -1 where there is none. */
export const firstReading = (days: readonly HistoryDay[]) => days.findIndex((day) => day.stock_end !== null);

/** Units sold and days without stock over the whole range; as everywhere, incomplete days are in no sum. */
export function totals(days: readonly HistoryDay[]) {
  return {
    sold: days.reduce((sum, day) => sum + (day.incomplete ? 0 : day.ordered), 0),
    incomplete: days.filter((day) => day.incomplete).length,
    out: days.filter(isOut).length,
    stock: days.at(-1)?.stock_end ?? null,
  };
}

/** Indexes of days that carry a date: evenly spaced, the last one never touching today's edge. */
export function ticks(count: number, most: number): number[] {
  const steps = [1, 2, 7, 14, 28, 56, 91, 182];
  const step = steps.find((one) => count / one <= most) ?? 365;
  const found: number[] = [];
  for (let index = count - 1 - step; index >= 0; index -= step) found.unshift(index);
  return found;
}

/** A comma-separated file of the days, for a spreadsheet; numbers with a point, one head row. */
export function csv(days: readonly HistoryDay[]): string {
  const head = "day,ordered,cancelled,revenue,currency,stock_end,stock_low,out_of_stock_share,incomplete";
  const lines = days.map((day) =>
    [
      day.day,
      day.ordered,
      day.cancelled,
      day.revenue.amount,
      day.revenue.currency,
      day.stock_end ?? "",
      day.stock_low ?? "",
      day.out_of_stock ?? "",
      day.incomplete ? 1 : 0,
    ].join(","),
  );
  return [head, ...lines, ""].join("\r\n");
}
