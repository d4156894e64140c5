/** The order of rows as the server keeps it, for the few rows that are merged on this side. */
import type { ProductRow } from "@/api/types";
import { statuses, type Sort, type SortKey } from "@/lib/url-state";

type Value = number | string | null;

const amount = (money: ProductRow["effect"] | null) => (money ? Number(money.amount) : null);

const values: Record<SortKey, (row: ProductRow) => Value> = {
  effect: (row) => amount(row.effect),
  name: (row) => row.name.toLowerCase(),
  code: (row) => row.code,
  available: (row) => row.available,
  sold: (row) => row.sold_30d,
  cover: (row) => row.cover_days,
  value: (row) => amount(row.stock_value),
  status: (row) => statuses.indexOf(row.status),
};

/** Unknown stands last whichever way the rest is sorted; inside a status, the largest effect comes first. */
export function comparer(sort: Sort): (a: ProductRow, b: ProductRow) => number {
  const down = sort.startsWith("-");
  const value = values[sort.replace(/^-/, "") as SortKey];
  return (one, other) => {
    const a = value(one);
    const b = value(other);
    // Within a status the largest effect comes first, whichever status comes first.
    if (a === b) return sort.endsWith("status") ? (amount(other.effect) ?? 0) - (amount(one.effect) ?? 0) : 0;
    if (a === null) return 1;
    if (b === null) return -1;
    return (a < b ? -1 : 1) * (down ? -1 : 1);
  };
}

/**
 * Lays single rows into a list that the server sorted and that may still grow: `ordered` keeps its own order, and a row
 * that belongs behind its last one waits until the list is complete.
 */
export function mergeInto(
  ordered: readonly ProductRow[],
  single: readonly ProductRow[],
  sort: Sort,
  complete: boolean,
) {
  const compare = comparer(sort);
  const waiting = [...single].sort(compare);
  const merged: ProductRow[] = [];
  for (const row of ordered) {
    while (waiting[0] && compare(waiting[0], row) < 0) merged.push(...waiting.splice(0, 1));
    merged.push(row);
  }
  return complete ? [...merged, ...waiting] : merged;
}
