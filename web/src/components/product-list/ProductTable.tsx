/** The product list: a real table with sortable heads, cards on the phone, virtual past 300 rows. */
import { useTable } from "@tanstack/react-table";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import type { ProductRow, StatusThresholds } from "@/api/types";
import { features, productColumns } from "@/components/product-list/columns";
import { useI18n } from "@/i18n";
import { usePhone } from "@/lib/hooks";
import { useKey } from "@/lib/keys";
import type { Sort, SortKey } from "@/lib/url-state";

/** Below this, every row is in the document: find-in-page and screen readers then see them all. */
const virtualFrom = 300;
const firstRows = 40;
const rowPx = 42;
const cardPx = 122;

interface Props {
  rows: readonly ProductRow[];
  /** How many rows there are with those not loaded yet. */
  total: number;
  caption: string;
  thresholds: StatusThresholds;
  currency: string;
  sort: Sort;
  onSort: (sort: Sort) => void;
  /** Loads the next rows; null when there are none or they are on their way. */
  onMore: (() => void) | null;
  /** Another answer is on its way; what is shown belongs to the last question. */
  waiting?: boolean;
  foot?: ReactNode;
}

/** Numbers start with the largest, words with A; the second press turns it round. */
function nextSort(current: Sort, key: SortKey, numeric: boolean): Sort {
  const first: Sort = numeric && key !== "cover" && key !== "available" ? `-${key}` : key;
  if (current.replace(/^-/, "") !== key) return first;
  return current.startsWith("-") ? key : `-${key}`;
}

export function ProductTable(props: Props) {
  const { rows, total, caption, thresholds, currency, sort, onSort, onMore, waiting = false, foot } = props;
  const { t, f } = useI18n();
  const columns = useMemo(() => productColumns({ t, f, thresholds, currency }), [t, f, thresholds, currency]);
  const table = useTable({ features, columns, data: rows, getRowId: (row) => row.id });
  const model = table.getRowModel().rows;

  const ref = useRef<HTMLTableElement>(null);
  const phone = usePhone();
  const virtual = rows.length > virtualFrom;
  const [scrollMargin, setScrollMargin] = useState(0);
  useEffect(() => {
    const body = ref.current?.tBodies[0];
    if (body) setScrollMargin(body.getBoundingClientRect().top + window.scrollY);
  }, [virtual, phone, rows.length]);
  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    enabled: virtual,
    estimateSize: () => (phone ? cardPx : rowPx),
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 20,
    scrollMargin,
  });
  const items = virtualizer.getVirtualItems();
  const first = items[0];
  const last = items.at(-1);
  // Before the window is measured, the first screenful stands for all.
  const from = virtual ? (first?.index ?? 0) : 0;
  const to = virtual ? (last ? last.index + 1 : firstRows) : rows.length;
  const above = virtual && first ? first.start - scrollMargin : 0;
  const below = virtual ? virtualizer.getTotalSize() - (last ? last.end - scrollMargin : firstRows * rowPx) : 0;

  // The next rows are asked for before the reader reaches the end.
  const near = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const mark = near.current;
    if (!mark || !onMore) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && onMore(), { rootMargin: "900px" });
    observer.observe(mark);
    return () => observer.disconnect();
  }, [onMore]);

  const focusRow = (index: number) => {
    const goTo = () => {
      const link = ref.current?.querySelector<HTMLElement>(`tr[data-index="${index}"] .name`);
      link?.focus();
      return link !== null && link !== undefined;
    };
    if (goTo()) return;
    // A row that is not in the document yet comes with the next frames.
    virtualizer.scrollToIndex(index, { align: "auto" });
    requestAnimationFrame(() => requestAnimationFrame(goTo));
  };
  const step = (by: number) => {
    const row = document.activeElement?.closest<HTMLElement>("tr[data-index]");
    const inside = row && ref.current?.contains(row);
    const next = inside ? Number(row.dataset.index) + by : by > 0 ? 0 : rows.length - 1;
    focusRow(Math.min(rows.length - 1, Math.max(0, next)));
  };
  const inRows = () => document.activeElement?.matches(".products-table .name") ?? false;
  /** Arrows scroll the page as everywhere, until a row has the focus. */
  const arrow = (event: KeyboardEvent, by: number) => {
    if (!inRows()) return;
    event.preventDefault();
    step(by);
  };
  useKey("j", () => step(1), rows.length > 0);
  useKey("k", () => step(-1), rows.length > 0);
  useKey("ArrowDown", (event) => arrow(event, 1), rows.length > 0);
  useKey("ArrowUp", (event) => arrow(event, -1), rows.length > 0);

  return (
    <>
      <table
        role="table"
        className={`data products-table ${waiting ? "waiting" : ""}`}
        ref={ref}
        aria-rowcount={virtual ? total + 1 : undefined}
        aria-busy={waiting || undefined}
      >
        <caption className="sr">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {table.getFlatHeaders().map((header) => {
              const meta = header.column.columnDef.meta;
              const name = String(header.column.columnDef.header);
              const sorted =
                meta?.sort === sort.replace(/^-/, "") ? (sort.startsWith("-") ? "descending" : "ascending") : "none";
              return (
                <th
                  key={header.id}
                  scope="col"
                  role="columnheader"
                  className={`${meta?.className ?? ""} ${meta?.numeric ? "num" : ""}`}
                  aria-sort={meta?.sort ? sorted : undefined}
                >
                  {meta?.sort ? (
                    <button
                      type="button"
                      title={t.table.sortBy(name)}
                      onClick={() => meta.sort && onSort(nextSort(sort, meta.sort, meta.numeric ?? false))}
                    >
                      {name}
                      {sorted !== "none" && <i aria-hidden="true">{sorted === "descending" ? "↓" : "↑"}</i>}
                    </button>
                  ) : (
                    name
                  )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {above > 0 && <Pad height={above} />}
          {model.slice(from, to).map((row, offset) => {
            const index = from + offset;
            return (
              <tr
                key={row.id}
                role="row"
                className="row"
                data-index={index}
                ref={virtual && phone ? virtualizer.measureElement : undefined}
                aria-rowindex={virtual ? index + 2 : undefined}
              >
                {row.getAllCells().map((cell) => {
                  const meta = cell.column.columnDef.meta;
                  const label = meta?.labelled ? String(cell.column.columnDef.header) : undefined;
                  const content = <table.FlexRender cell={cell} />;
                  return cell.column.id === "name" ? (
                    <th key={cell.id} scope="row" role="rowheader" className={meta?.className}>
                      {content}
                    </th>
                  ) : (
                    <td key={cell.id} role="cell" className={meta?.className} data-label={label}>
                      {content}
                    </td>
                  );
                })}
              </tr>
            );
          })}
          {below > 0 && <Pad height={below} />}
        </tbody>
      </table>
      {foot !== undefined && <p className="table-foot">{foot}</p>}
      <div ref={near} />
    </>
  );
}

/** Stands for the rows that are not in the document. */
function Pad({ height }: { height: number }) {
  return (
    <tr className="pad" aria-hidden="true">
      <td style={{ height }} />
    </tr>
  );
}
