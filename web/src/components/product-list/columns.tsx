/** The columns of a product list: what stands in a cell, how wide, and what it sorts by. */
import { Link } from "@tanstack/react-router";
import { createColumnHelper, tableFeatures } from "@tanstack/react-table";
import type { ProductRow, StatusThresholds } from "@/api/types";
import { Figure } from "@/components/ui/Figure";
import { Icon } from "@/components/ui/Icon";
import { Sparkline } from "@/components/ui/Sparkline";
import { Status } from "@/components/ui/Status";
import { StockBar } from "@/components/ui/StockBar";
import type { Messages } from "@/i18n/en";
import type { Formats } from "@/lib/format";
import { initials, sourceBadge } from "@/lib/names";
import type { SortKey } from "@/lib/url-state";

interface ColumnMeta {
  className: string;
  /** The key this column sorts by; none where sorting would mean nothing. */
  sort?: SortKey;
  numeric?: boolean;
  /** Repeats the head inside a card on the phone. */
  labelled?: boolean;
}

export const features = tableFeatures({ columnMeta: {} as ColumnMeta });

const column = createColumnHelper<typeof features, ProductRow>();

interface Context {
  t: Messages;
  f: Formats;
  thresholds: StatusThresholds;
  currency: string;
}

function ProductCell({ row, t }: { row: ProductRow; t: Messages }) {
  return (
    <div className="prod">
      <span className="thumb" aria-hidden="true">
        {initials(row.name)}
      </span>
      <div>
        <Link className="name" to="/products/$id" params={{ id: row.id }} title={row.name}>
          {row.name}
        </Link>
        <span className="sub">
          <span className="cut">{row.code}</span>
          {row.marketplaces.map((source) => (
            <span className="badge" key={source}>
              {sourceBadge(source)}
            </span>
          ))}
          {row.accounts.map((account) => (
            <span className="badge cut" key={account} title={account}>
              {account}
            </span>
          ))}
          {row.archived && <span className="badge">{t.table.archived}</span>}
          {row.stale && (
            <span className="age" role="img" aria-label={t.table.stale} title={t.table.stale}>
              <Icon name="clock" />
            </span>
          )}
        </span>
      </div>
    </div>
  );
}

export function productColumns({ t, f, thresholds, currency }: Context) {
  const sign = f.currencySign(currency);
  return column.columns([
    column.accessor("name", {
      header: t.table.product,
      cell: ({ row }) => <ProductCell row={row.original} t={t} />,
      meta: { className: "c-prod", sort: "name" },
    }),
    column.accessor("status", {
      header: t.table.status,
      cell: ({ row }) => <Status status={row.original.status} pill />,
      meta: { className: "c-status", sort: "status" },
    }),
    column.accessor("available", {
      header: t.table.available,
      cell: ({ row: { original: row } }) => (
        <StockBar available={row.available} status={row.status} thresholds={thresholds} />
      ),
      meta: { className: "c-units", sort: "available", numeric: true, labelled: true },
    }),
    column.accessor("cover_days", {
      header: t.table.cover,
      cell: ({ row }) => <Figure>{f.cover(row.original.cover_days)}</Figure>,
      meta: { className: "c-cover num", sort: "cover", numeric: true, labelled: true },
    }),
    column.accessor("spark", {
      header: t.table.spark,
      cell: ({ row: { original: row } }) => (
        <Sparkline values={row.spark} label={t.table.sparkLabel(row.sold_30d, row.spark.at(-1) ?? 0)} />
      ),
      meta: { className: "c-spark" },
    }),
    column.accessor("sold_30d", {
      header: t.table.sold,
      cell: ({ row }) => <Figure>{f.number(row.original.sold_30d)}</Figure>,
      meta: { className: "c-sold num", sort: "sold", numeric: true },
    }),
    column.accessor((row) => row.effect.amount, {
      id: "effect",
      header: t.table.effect(sign),
      cell: ({ row: { original: row } }) => (
        <>
          <Figure className="strong">{f.bareMoney(row.effect)}</Figure>
          <span className="sub">{row.effect_kind === "sold_30d" ? t.effect.soldShort : t.effect.valueShort}</span>
        </>
      ),
      meta: { className: "c-money num", sort: "effect", numeric: true, labelled: true },
    }),
  ]);
}
