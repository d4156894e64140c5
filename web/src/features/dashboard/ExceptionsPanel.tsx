/** The exceptions: filters, the one table of what needs a decision, and what it comes to. */
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { Dashboard, Meta, ProductRow } from "@/api/types";
import { MarketplaceFilter, PlaceFilter, SortChip, StatusFilter } from "@/components/product-list/filters";
import { ProductTable } from "@/components/product-list/ProductTable";
import { useHeldRows } from "@/components/product-list/useHeldRows";
import { RowBones, Bones } from "@/components/states/Bones";
import { Center } from "@/components/states/Center";
import { ErrorState } from "@/components/states/ErrorState";
import { useI18n } from "@/i18n";
import { sumShown } from "@/lib/format";
import { decisionStatuses, type DashboardSearch } from "@/lib/url-state";
import { defaultSort, type useExceptions } from "@/features/dashboard/exceptions";

interface Props {
  dashboard: Dashboard;
  meta: Meta;
  search: DashboardSearch;
  exceptions: ReturnType<typeof useExceptions>;
}

const filterNames = ["status", "marketplace", "place"] as const;

export function ExceptionsPanel({ dashboard, meta, search, exceptions }: Props) {
  const { t } = useI18n();
  const navigate = useNavigate({ from: "/" });
  const [busy, setBusy] = useState(false);
  const sort = search.sort ?? defaultSort;
  const { rows: fresh, generation, error } = exceptions;
  const held = useHeldRows({ rows: fresh, generation, question: JSON.stringify(search) }, busy);
  const change = (part: DashboardSearch | { [K in keyof DashboardSearch]: DashboardSearch[K] | undefined }) =>
    void navigate({
      search: (before) => ({ ...before, ...part }) as DashboardSearch,
      replace: true,
      resetScroll: false,
    });
  const total = exceptions.total ?? fresh.length;
  const filters = filterNames.filter((name) => search[name] !== undefined);
  const empty = held.rows.length === 0 && !exceptions.loading;
  return (
    <section className="panel list" id="exceptions" aria-labelledby="exceptions-title">
      <div className="bar-tools">
        <h2 id="exceptions-title">
          {t.home.exceptions}{" "}
          <span>
            {sort === "-effect" ? t.home.shownOf(held.rows.length, total) : t.home.counted(held.rows.length, total)}
          </span>
        </h2>
        <div className="chips">
          <StatusFilter value={search.status} all={decisionStatuses} onChange={(status) => change({ status })} />
          <MarketplaceFilter
            value={search.marketplace}
            sources={meta.sources}
            onChange={(marketplace) => change({ marketplace })}
          />
          <PlaceFilter value={search.place} onChange={(place) => change({ place })} />
          <SortChip
            sort={sort}
            currency={dashboard.currency}
            onSort={(next) => change({ sort: next === defaultSort ? undefined : next })}
          />
          {held.waiting > 0 && (
            <span className="chip chip-wait">
              <button type="button" onClick={held.show}>
                {t.table.changed(held.waiting)}
              </button>
            </span>
          )}
        </div>
      </div>
      {error && held.rows.length === 0 ? (
        <ErrorState bare error={error} onRetry={exceptions.retry} />
      ) : exceptions.loading && held.rows.length === 0 ? (
        <div className="list-bones">
          <Bones>
            <RowBones />
          </Bones>
        </div>
      ) : empty && filters.length > 0 ? (
        <Center
          bare
          icon="filter"
          title={t.filters.noneTitle(filters.length)}
          actions={
            <button
              type="button"
              className="btn"
              onClick={() => change({ status: undefined, marketplace: undefined, place: undefined })}
            >
              {t.filters.clearAll}
            </button>
          }
        >
          <p>{t.filters.noneText}</p>
        </Center>
      ) : empty ? (
        <Center bare status="normal" title={t.home.goodTitle}>
          <p>{t.home.goodText(dashboard.products, dashboard.thresholds.critical_max)}</p>
        </Center>
      ) : (
        // Only to know whether someone points at or works in the rows; nothing can be done with the wrapper itself.
        <div onPointerEnter={(event) => setBusy(event.pointerType === "mouse")} onPointerLeave={() => setBusy(false)}>
          <ProductTable
            rows={held.rows}
            total={total}
            caption={t.home.caption(held.rows.length, total)}
            thresholds={dashboard.thresholds}
            currency={dashboard.currency}
            sort={sort}
            onSort={(next) => change({ sort: next === defaultSort ? undefined : next })}
            onMore={exceptions.more}
            waiting={exceptions.waiting}
            foot={<Foot rows={held.rows} currency={dashboard.currency} />}
          />
        </div>
      )}
    </section>
  );
}

/** What the rows above come to, by the two kinds of money that must not be mixed. */
function Foot({ rows, currency }: { rows: readonly ProductRow[]; currency: string }) {
  const { t, f } = useI18n();
  const kinds = ["sold_30d", "stock_value"] as const;
  const sums = kinds.flatMap((kind) => {
    const some = rows.filter((row) => row.effect_kind === kind);
    if (some.length === 0) return [];
    const amount = sumShown(some.map((row) => row.effect)).toString();
    return [`${f.money({ amount, currency })} ${t.effect[kind]}`];
  });
  return <>{`${t.colon(t.home.foot(rows.length))} ${t.list(sums)}`}</>;
}
