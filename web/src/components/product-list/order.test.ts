import { describe, expect, it } from "vitest";
import { comparer, mergeInto } from "@/components/product-list/order";
import { sortKeys, type Sort } from "@/lib/url-state";
import { chance, productRow } from "@/testing/shop";

const draw = chance(3);
const rows = Array.from({ length: 60 }, (_, index) =>
  productRow({ id: `item-${index + 1}`, ...(draw() < 0.1 ? { available: null } : {}) }),
);
const sorts = sortKeys.flatMap((key): Sort[] => [key, `-${key}`]);

describe("the order of rows", () => {
  it.each(sorts)("by %s keeps the unknown last", (sort) => {
    const sorted = [...rows].sort(comparer(sort));
    if (sort.endsWith("available")) {
      const unknown = sorted.findIndex((row) => row.available === null);
      expect(sorted.slice(unknown).every((row) => row.available === null)).toBe(true);
    }
    for (const [index, row] of sorted.entries()) {
      const next = sorted[index + 1];
      if (next) expect(comparer(sort)(row, next)).toBeLessThanOrEqual(0);
    }
  });

  it.each(sorts)("by %s is the same whether rows are merged or sorted together", (sort) => {
    const single = rows.slice(0, 20);
    const ordered = rows.slice(20).sort(comparer(sort));
    const merged = mergeInto(ordered, single, sort, true);
    expect(merged).toHaveLength(rows.length);
    for (const [index, row] of merged.entries()) {
      const next = merged[index + 1];
      if (next) expect(comparer(sort)(row, next)).toBeLessThanOrEqual(0);
    }
  });

  it("keeps rows back that belong behind what is not loaded yet", () => {
    const sorted = [...rows].sort(comparer("-effect"));
    const last = sorted.at(-1);
    const first = sorted[0];
    if (!last || !first) throw new Error("no rows");
    const loaded = sorted.slice(1, 20);
    expect(mergeInto(loaded, [last, first], "-effect", false)).toEqual([first, ...loaded]);
    expect(mergeInto(loaded, [last, first], "-effect", true)).toEqual([first, ...loaded, last]);
  });
});
