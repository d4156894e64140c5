/** All products: searched, filtered, sorted by the server, read page by page. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { queries } from "@/api/queries";
import {
  AccountFilter,
  MarketplaceFilter,
  PlaceFilter,
  SortChip,
  StatusFilter,
} from "@/components/product-list/filters";
import { NotYet } from "@/components/setup/NotYet";
import { ProductTable } from "@/components/product-list/ProductTable";
import { useHeldRows } from "@/components/product-list/useHeldRows";
import { Bones, RowBones } from "@/components/states/Bones";
import { Center } from "@/components/states/Center";
import { ErrorState } from "@/components/states/ErrorState";
import { FilterChip, FilterOption } from "@/components/ui/FilterChip";
import { Icon } from "@/components/ui/Icon";
import { useI18n } from "@/i18n";
import { useTitle } from "@/lib/hooks";
import { productStates, statuses, withKnown, type ProductsSearch, type ProductState, type Sort } from "@/lib/url-state";

const defaultSort: Sort = "-effect";
const filterNames = ["status", "marketplace", "account", "place", "state"] as const;

type Change = { [K in keyof ProductsSearch]?: ProductsSearch[K] | undefined };

function StateFilter({
  value = "active",
  onChange,
}: {
  value: ProductState | undefined;
  onChange: (state?: ProductState) => void;
}) {
  const { t } = useI18n();
  return (
    <FilterChip
      name={t.products.stateLabel}
      value={value === "active" ? null : t.products.state[value]}
      onClear={() => onChange(undefined)}
    >
      <fieldset className="options">
        <legend className="sr">{t.products.stateLabel}</legend>
        {productStates.map((state) => (
          <FilterOption
            key={state}
            type="radio"
            name="state"
            label={t.products.state[state]}
            checked={state === value}
            onChange={() => onChange(state === "active" ? undefined : state)}
          />
        ))}
      </fieldset>
    </FilterChip>
  );
}

export function ProductsPage() {
  const { t } = useI18n();
  useTitle(t.products.title);
  const navigate = useNavigate({ from: "/products" });
  const [busy, setBusy] = useState(false);
  const meta = useQuery(queries.meta()).data;
  const search = withKnown(useSearch({ from: "/products" }), meta?.sources ?? []);
  const sort = search.sort ?? defaultSort;
  const dashboard = useQuery(queries.dashboard()).data;
  const list = useInfiniteQuery(queries.products({ ...search, sort }));
  const pages = list.data?.pages;
  const fresh = useMemo(() => pages?.flatMap((page) => page.items) ?? [], [pages]);
  const held = useHeldRows(
    { rows: fresh, generation: pages?.[0]?.generation ?? 0, question: JSON.stringify(search) },
    busy,
  );
  const total = pages?.[0]?.total;
  const counts = Object.fromEntries(dashboard?.categories.map(({ status, products }) => [status, products]) ?? []);
  const filters = filterNames.filter((name) => search[name] !== undefined);

  const change = (part: Change) =>
    void navigate({
      search: (before) => ({ ...before, ...part }) as ProductsSearch,
      replace: true,
      resetScroll: false,
    });
  const clearFilters = () => change(Object.fromEntries(filterNames.map((name) => [name, undefined])));
  const onSort = (next: Sort) => change({ sort: next === defaultSort ? undefined : next });
  const more = list.hasNextPage && !list.isFetching ? () => void list.fetchNextPage() : null;

  if (dashboard?.freshness === "never") {
    return (
      <div className="page">
        <div className="page-head">
          <h1>{t.products.title}</h1>
        </div>
        <NotYet />
      </div>
    );
  }

  const count =
    total === undefined
      ? ""
      : dashboard && (filters.length > 0 || search.q)
        ? t.products.matching(total, dashboard.products)
        : t.products.count(total);

  return (
    <div className="page">
      <div className="page-head">
        <h1>{t.products.title}</h1>
        <span className="dim" role="status">
          {count}
        </span>
      </div>
      <section className="panel list" aria-label={t.products.title}>
        <div className="bar-tools">
          <div className="chips">
            {search.q !== undefined && (
              <span className="chip set found">
                <span className="said cut" title={search.q}>
                  {t.products.found(search.q)}
                </span>
                <button type="button" aria-label={t.products.clearSearch} onClick={() => change({ q: undefined })}>
                  <Icon name="x" />
                </button>
              </span>
            )}
            <StatusFilter
              value={search.status}
              all={statuses}
              counts={counts}
              onChange={(status) => change({ status })}
            />
            <MarketplaceFilter
              value={search.marketplace}
              sources={meta?.sources ?? []}
              onChange={(marketplace) => change({ marketplace })}
            />
            <AccountFilter
              value={search.account}
              accounts={dashboard?.sources ?? []}
              onChange={(account) => change({ account })}
            />
            <PlaceFilter value={search.place} onChange={(place) => change({ place })} />
            <StateFilter value={search.state} onChange={(state) => change({ state })} />
            {meta && <SortChip sort={sort} currency={meta.currency} onSort={onSort} />}
            {held.waiting > 0 && (
              <span className="chip chip-wait">
                <button type="button" onClick={held.show}>
                  {t.table.changed(held.waiting)}
                </button>
              </span>
            )}
          </div>
        </div>
        {list.error && !pages ? (
          <ErrorState bare error={list.error} onRetry={() => void list.refetch()} />
        ) : !pages || !meta ? (
          <div className="list-bones">
            <Bones>
              <RowBones rows={12} />
            </Bones>
          </div>
        ) : held.rows.length === 0 ? (
          <Nothing
            search={search}
            filters={filters.length}
            onClearSearch={() => change({ q: undefined })}
            onClear={clearFilters}
          />
        ) : (
          <div onPointerEnter={(event) => setBusy(event.pointerType === "mouse")} onPointerLeave={() => setBusy(false)}>
            <ProductTable
              rows={held.rows}
              total={total ?? held.rows.length}
              caption={t.products.caption(total ?? held.rows.length)}
              thresholds={meta.thresholds}
              currency={meta.currency}
              sort={sort}
              onSort={onSort}
              onMore={more}
              waiting={list.isPlaceholderData}
            />
            {list.hasNextPage && (
              <p className="list-foot">
                {t.products.loaded(held.rows.length, total ?? held.rows.length)}
                <button type="button" className="btn small" onClick={() => void list.fetchNextPage()}>
                  {t.products.more}
                </button>
              </p>
            )}
          </div>
        )}
      </section>
    </div>
  );
}

interface NothingProps {
  search: ProductsSearch;
  filters: number;
  onClearSearch: () => void;
  onClear: () => void;
}

/** Nothing matches: the cause is named, and one press takes it away. */
function Nothing({ search, filters, onClearSearch, onClear }: NothingProps) {
  const { t } = useI18n();
  const clearFilters = (
    <button type="button" className="btn" onClick={onClear}>
      {t.filters.clearAll}
    </button>
  );
  if (search.q !== undefined) {
    return (
      <Center
        bare
        icon="search"
        title={t.products.notFoundTitle(search.q)}
        actions={
          <>
            <button type="button" className="btn" onClick={onClearSearch}>
              {t.products.clearSearch}
            </button>
            {filters > 0 && clearFilters}
          </>
        }
      >
        <p>{t.products.notFoundText}</p>
      </Center>
    );
  }
  if (filters > 0) {
    return (
      <Center bare icon="filter" title={t.filters.noneTitle(filters)} actions={clearFilters}>
        <p>{t.filters.noneText}</p>
      </Center>
    );
  }
  return (
    <Center
      bare
      icon="box"
      title={t.empty.notSyncedTitle}
      actions={
        <Link className="btn primary" to="/sync">
          {t.empty.openSync}
        </Link>
      }
    />
  );
}
