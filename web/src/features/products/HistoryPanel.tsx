/** Sales and stock over time: chart or table, over a chosen range, and as a file. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { queries } from "@/api/queries";
import type { HistoryDay, ProductRow } from "@/api/types";
import { Bone, Bones } from "@/components/states/Bones";
import { Center } from "@/components/states/Center";
import { ErrorState } from "@/components/states/ErrorState";
import { Icon } from "@/components/ui/Icon";
import { Segmented } from "@/components/ui/Segmented";
import { csv } from "@/features/products/series";
import { useI18n } from "@/i18n";
import { download } from "@/lib/download";
import { usualRange } from "@/lib/range";
import { ranges, without } from "@/lib/url-state";

// The scales and shapes are loaded with the first chart.
const HistoryChart = lazy(() => import("@/features/products/HistoryChart"));

function ChartBones() {
  return (
    <div className="chart-bones">
      <Bones>
        <Bone width="100%" height={180} />
        <Bone width="100%" height={100} />
      </Bones>
    </div>
  );
}

function HistoryTable({ days, currency }: { days: readonly HistoryDay[]; currency: string }) {
  const { t, f } = useI18n();
  return (
    <div className="history-table" tabIndex={0} role="region" aria-label={t.list([t.product.history, t.product.table])}>
      <table role="table" className="data compact">
        <caption className="sr">{t.product.history}</caption>
        <thead role="rowgroup">
          <tr role="row">
            <th scope="col">{t.product.day}</th>
            <th scope="col" className="num">
              {t.product.ordered}
            </th>
            <th scope="col" className="num hide-s">
              {t.product.cancelled}
            </th>
            <th scope="col" className="num hide-s">
              {t.product.revenue(f.currencySign(currency))}
            </th>
            <th scope="col" className="num">
              {t.product.stockEnd}
            </th>
            <th scope="col" className="num hide-s">
              {t.product.stockLow}
            </th>
            <th scope="col" className="num">
              {t.product.outShare}
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {[...days].reverse().map((day) => (
            <tr role="row" key={day.day}>
              <th scope="row">{f.day(day.day, true)}</th>
              <td className="num">
                {f.number(day.ordered)}
                {day.incomplete && <small className="muted"> {t.product.incomplete}</small>}
              </td>
              <td className="num hide-s">{f.number(day.cancelled)}</td>
              <td className="num hide-s">{f.bareMoney(day.revenue)}</td>
              <td className="num">{f.number(day.stock_end)}</td>
              <td className="num hide-s">{f.number(day.stock_low)}</td>
              <td className="num">{day.out_of_stock === 0 ? "" : f.percent(day.out_of_stock)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function HistoryPanel({ product, currency }: { product: ProductRow; currency: string }) {
  const { t } = useI18n();
  const search = useSearch({ from: "/products/$id" });
  const navigate = useNavigate({ from: "/products/$id" });
  const range = search.range ?? usualRange();
  const history = useQuery(queries.history(product.id, range));
  const days = history.data?.days;
  const known = days?.some((day) => day.ordered > 0 || day.stock_end !== null) ?? false;
  return (
    <section className="panel" aria-labelledby="history-title">
      <div className="panel-head">
        <h2 id="history-title">{t.product.history}</h2>
        <span className="grow" />
        <Segmented
          label={t.product.range}
          value={String(range)}
          options={ranges.map((days) => ({ value: String(days), text: t.product.rangeDays(days) }))}
          onChange={(next) => {
            const chosen = ranges.find((days) => String(days) === next);
            if (chosen)
              void navigate({ search: (before) => ({ ...before, range: chosen }), replace: true, resetScroll: false });
          }}
        />
        <Segmented
          label={t.product.view}
          value={search.view ?? "chart"}
          options={[
            { value: "chart", text: t.product.chart },
            { value: "table", text: t.product.table },
          ]}
          onChange={(next) =>
            void navigate({
              search: (before) => (next === "table" ? { ...before, view: "table" } : without(before, "view")),
              replace: true,
              resetScroll: false,
            })
          }
        />
        {days && (
          <button
            type="button"
            className="btn quiet small"
            onClick={() => download(`${product.code || product.id}-${range}d.csv`, "text/csv", csv(days))}
          >
            <Icon name="export" />
            {t.product.csv}
          </button>
        )}
      </div>
      {history.error && !days ? (
        <ErrorState bare error={history.error} onRetry={() => void history.refetch()} />
      ) : !days ? (
        <ChartBones />
      ) : !known ? (
        <Center bare icon="clock" title={t.product.noSalesHistory} />
      ) : search.view === "table" ? (
        <HistoryTable days={days} currency={currency} />
      ) : (
        <Suspense fallback={<ChartBones />}>
          <HistoryChart days={days} />
        </Suspense>
      )}
    </section>
  );
}
