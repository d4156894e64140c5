import { describe, expect, it } from "vitest";
import type { HistoryDay } from "@/api/types";
import { bars, csv, emptySince, firstReading, stretches, ticks, totals, weekly } from "@/features/products/series";
import { createShop, money } from "@/testing/shop";

const day = (part: Partial<HistoryDay>): HistoryDay => ({
  day: "2026-11-01",
  ordered: 0,
  cancelled: 0,
  revenue: money(0),
  stock_end: 5,
  stock_low: 5,
  out_of_stock: 0,
  incomplete: false,
  ...part,
});

const year = createShop().history("item-1", 365)?.days ?? [];

describe("bars", () => {
  it("are days while they can be told apart, weeks beyond", () => {
    expect(weekly(90)).toBe(false);
    expect(bars(year.slice(-90))).toHaveLength(90);
    expect(bars(year)).toHaveLength(53);
  });

  it("lose no unit when days become weeks", () => {
    const sum = bars(year).reduce((total, bar) => total + bar.sold, 0);
    expect(sum).toBe(totals(year).sold);
  });

  it("cover every day once, the last week whole", () => {
    const found = bars(year);
    expect(found.at(-1)).toMatchObject({ from: 358, to: 364 });
    expect(
      found.flatMap((bar) => Array.from({ length: bar.to - bar.from + 1 }, (_, index) => bar.from + index)),
    ).toEqual(year.map((_, index) => index));
  });
});

describe("stretches without stock", () => {
  it("count whole runs of days", () => {
    const out = (share: number | null) => day({ out_of_stock: share });
    const days = [out(1), out(0.6), out(0.2), out(null), out(1), out(0), out(1)];
    expect(stretches(days)).toEqual([
      { from: 0, to: 1, days: 2 },
      { from: 4, to: 4, days: 1 },
      { from: 6, to: 6, days: 1 },
    ]);
    expect(totals(days).out).toBe(4);
  });

  it("never lie before the first reading", () => {
    const days = [day({ stock_end: null, stock_low: null, out_of_stock: null }), day({}), day({ out_of_stock: 1 })];
    expect(firstReading(days)).toBe(1);
    expect(stretches(days)[0]?.from).toBe(2);
    expect(firstReading(days.slice(0, 1))).toBe(-1);
  });
});

describe("the day since which it is out", () => {
  const level = (name: string, stock: number | null) => day({ day: name, stock_end: stock });

  it("is the first of the days without stock until now", () => {
    const days = [level("2026-11-19", 3), level("2026-11-20", 0), level("2026-11-21", 0), level("2026-11-22", -1)];
    expect(emptySince(days)).toEqual({ day: "2026-11-20", exact: true });
  });

  it("is no more than a limit where the days before are not known", () => {
    const out = [level("2026-11-21", 0), level("2026-11-22", 0)];
    expect(emptySince(out)).toEqual({ day: "2026-11-21", exact: false });
    expect(emptySince([level("2026-11-20", null), ...out])).toEqual({ day: "2026-11-21", exact: false });
  });

  it("is nothing while there is stock, or nothing is known", () => {
    expect(emptySince([level("2026-11-21", 0), level("2026-11-22", 2)])).toBeNull();
    expect(emptySince([level("2026-11-22", null)])).toBeNull();
    expect(emptySince([])).toBeNull();
  });
});

describe("dates on the axis", () => {
  it.each([30, 90, 365, 730])("are few enough over %i days, and leave today alone", (count) => {
    for (const most of [2, 4, 9]) {
      const found = ticks(count, most);
      expect(found.length).toBeLessThanOrEqual(most + 1);
      expect(found).not.toContain(count - 1);
      expect(new Set(found.map((at, index) => at - (found[index - 1] ?? at - 1))).size).toBeLessThanOrEqual(2);
    }
  });
});

describe("the file", () => {
  it("has a head, a line per day, and nothing where nothing is known", () => {
    const days = [
      day({ day: "2026-11-21", ordered: 3, revenue: money("2970.00") }),
      day({ day: "2026-11-22", stock_end: null, stock_low: null, out_of_stock: null }),
    ];
    expect(csv(days)).toBe(
      [
        "day,ordered,cancelled,revenue,currency,stock_end,stock_low,out_of_stock_share,incomplete",
        "2026-11-21,3,0,2970.00,RUB,5,5,0,0",
        "2026-11-22,0,0,0.00,RUB,,,,0",
        "",
      ].join("\r\n"),
    );
  });
});
