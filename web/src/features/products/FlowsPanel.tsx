/** What is on its way: supplies that the marketplace has not taken in whole yet, and what comes back from buyers. */
import type { OpenSupply, ProductDetail, ReturnsSum } from "@/api/types";
import { Unread } from "@/features/products/Unread";
import { useI18n } from "@/i18n";
import { sourceBadge } from "@/lib/names";

export function FlowsPanel({ detail }: { detail: ProductDetail }) {
  const { t } = useI18n();
  const { supplies, returns } = detail;
  const none = returns === null || (!anyReturns(returns) && returns.unread.length === 0);
  if (supplies.length === 0 && none) return null;
  return (
    <section className="panel list" aria-labelledby="flows-title">
      <div className="panel-head">
        <h2 id="flows-title">{t.product.flows}</h2>
        <span className="grow" />
        {supplies.length > 0 && <span className="note">{t.product.flowsNote(supplies.length)}</span>}
      </div>
      {supplies.length > 0 && <Supplies supplies={supplies} />}
      {returns !== null && <Returns returns={returns} />}
      {returns !== null && <Unread accounts={returns.unread} />}
    </section>
  );
}

function Supplies({ supplies }: { supplies: readonly OpenSupply[] }) {
  const { t, f } = useI18n();
  return (
    <div className="scroll">
      <table role="table" className="data flows">
        <caption className="sr">{t.product.flows}</caption>
        <thead role="rowgroup">
          <tr role="row">
            <th scope="col">{t.product.supply}</th>
            <th scope="col">{t.product.supplyFor}</th>
            <th scope="col">{t.product.status}</th>
            <th scope="col">{t.product.expected}</th>
            <th scope="col" className="num">
              {t.product.announced}
            </th>
            <th scope="col" className="num">
              {t.product.accepted}
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {supplies.map((supply) => (
            <tr role="row" key={`${supply.source} ${supply.supply_id} ${supply.sku_id}`}>
              <th scope="row">
                <span className="badge" title={supply.account}>
                  {sourceBadge(supply.source)}
                </span>{" "}
                <span className="mono">{supply.supply_id}</span>
              </th>
              <td data-label={t.product.supplyFor}>{supply.place ?? "–"}</td>
              <td data-label={t.product.status}>{t.product.supplyStates[supply.state]}</td>
              <td data-label={t.product.expected}>
                {supply.expected_at === null ? (
                  "–"
                ) : (
                  <time dateTime={supply.expected_at} title={f.exact(supply.expected_at)}>
                    {f.instantDay(supply.expected_at)}
                  </time>
                )}
              </td>
              <td className="num strong" data-label={t.product.announced}>
                {f.number(supply.quantity)}
              </td>
              <td className="num" data-label={t.product.accepted}>
                {supply.accepted === null ? "–" : f.number(supply.accepted)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function anyReturns(returns: ReturnsSum): boolean {
  const { begun_30d, begun_30d_uncounted, under_way, under_way_uncounted } = returns;
  return begun_30d > 0 || begun_30d_uncounted > 0 || under_way > 0 || under_way_uncounted > 0;
}

function Returns({ returns }: { returns: ReturnsSum }) {
  const { t } = useI18n();
  const { begun_30d, begun_30d_uncounted, under_way, under_way_uncounted } = returns;
  return (
    <p className="flows-returns">
      <span className="strong">{t.product.returned(begun_30d, begun_30d_uncounted)}</span>
      {(under_way > 0 || under_way_uncounted > 0) && ` · ${t.product.returning(under_way, under_way_uncounted)}`}
      {returns.reasons.length > 0 && <span className="dim"> · {t.product.reasons(returns.reasons.join("; "))}</span>}
    </p>
  );
}
