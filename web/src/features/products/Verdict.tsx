/** How the product stands, in words: facts only, no forecast. */
import type { HistoryDay, ProductDetail } from "@/api/types";
import { Figure } from "@/components/ui/Figure";
import { Shape, Status } from "@/components/ui/Status";
import { emptySince } from "@/features/products/series";
import { useI18n } from "@/i18n";
import type { Messages } from "@/i18n/en";
import type { Formats } from "@/lib/format";

/** A month's name may bring the full stop along: "18 нояб." */
const sentence = (text: string) => (text.endsWith(".") ? text : `${text}.`);

/** The sentences that stand first on the page. */
export function verdict(
  { product, places }: ProductDetail,
  days: readonly HistoryDay[],
  t: Messages,
  f: Formats,
): string {
  if (product.archived) return t.product.archivedText;
  if (product.available === null) return t.product.noReading;
  if (product.available <= 0) {
    const empty = emptySince(days);
    const since =
      empty && (empty.exact ? t.product.outSince(f.day(empty.day)) : t.product.outSinceAtLeast(f.day(empty.day)));
    const out = since === null ? t.product.outNow : sentence(since);
    return `${out} ${product.sold_30d > 0 ? t.product.missed(product.sold_30d) : t.product.noSales}`;
  }
  const holding = places.filter((place) => (place.available ?? 0) > 0);
  const stock = t.product.stock(product.available, new Set(holding.map((place) => place.place_id)).size);
  return `${stock} ${product.cover_days === null ? t.product.noSales : t.product.cover(product.cover_days)}`;
}

interface Props {
  detail: ProductDetail;
  /** What is known of its days; none while they are on their way. */
  days: readonly HistoryDay[];
}

export function Verdict({ detail, days }: Props) {
  const { t, f } = useI18n();
  const { product } = detail;
  return (
    <section className={`panel verdict ${product.status}`} aria-label={t.product.status}>
      <Shape status={product.status} />
      <p className="say">
        <Figure>{verdict(detail, days, t, f)}</Figure>
      </p>
      <p className="modes">
        <span>
          <Status status={product.status} />
        </span>
        <span>
          {t.product.sold30} <b>{f.number(product.sold_30d)}</b>
          {" · "}
          {f.money(product.revenue_30d)}
        </span>
        <span>
          {t.product.stockValue} <b>{f.money(product.stock_value)}</b>
        </span>
        {product.inbound !== null && product.inbound > 0 && (
          <span>
            {t.product.inbound} <b>{f.number(product.inbound)}</b>
          </span>
        )}
      </p>
    </section>
  );
}
