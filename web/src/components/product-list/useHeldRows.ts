/** Rows do not jump under the pointer: while it rests on the table, fresh data waits behind a chip. */
import { useState } from "react";
import type { ProductRow } from "@/api/types";

export interface RowSet {
  rows: readonly ProductRow[];
  /** Grows with every publish. */
  generation: number;
  /** What was asked for; another question is answered at once, whatever the pointer does. */
  question: string;
}

interface Held {
  rows: readonly ProductRow[];
  /** How many rows would change or move; 0 while nothing waits. */
  waiting: number;
  show: () => void;
}

const face = (row: ProductRow) =>
  JSON.stringify([row.available, row.status, row.cover_days, row.sold_30d, row.effect.amount, row.name, row.stale]);

function countChanges(shown: readonly ProductRow[], fresh: readonly ProductRow[]): number {
  const before = new Map(shown.map((row, index) => [row.id, `${index} ${face(row)}`]));
  const changed = fresh.filter((row, index) => before.get(row.id) !== `${index} ${face(row)}`).length;
  return Math.max(changed, shown.length - fresh.length);
}

export function useHeldRows(fresh: RowSet, busy: boolean): Held {
  const [shown, setShown] = useState(fresh);
  const otherLoad = fresh.generation !== shown.generation && fresh.question === shown.question;
  const waiting = busy && otherLoad ? countChanges(shown.rows, fresh.rows) : 0;
  if (waiting === 0 && fresh.rows !== shown.rows) setShown(fresh);
  return { rows: waiting === 0 ? fresh.rows : shown.rows, waiting, show: () => setShown(fresh) };
}
