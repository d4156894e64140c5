/** The strip under the title: how old the figures are, what lies in stock, what was sold, how much waits. */
import type { Category, Dashboard, SourceFreshness } from "@/api/types";
import { Age } from "@/components/ui/Age";
import { Figure } from "@/components/ui/Figure";
import { useI18n } from "@/i18n";
import { isStale } from "@/lib/freshness";
import { useNow } from "@/lib/hooks";
import { accountTitle } from "@/lib/names";

function SourceAge({ source, all }: { source: SourceFreshness; all: readonly SourceFreshness[] }) {
  const { f } = useI18n();
  const now = useNow();
  if (source.as_of === null) {
    return (
      <span>
        <i className="dot off" />
        {accountTitle(source, all)} –
      </span>
    );
  }
  return (
    <span title={f.exact(source.as_of)}>
      <i className={`dot ${isStale(source, now) ? "warn" : ""}`} />
      {accountTitle(source, all)} {f.clock(source.as_of, now)}
    </span>
  );
}

const countOf = (categories: readonly Category[], status: Category["status"]) =>
  categories.find((category) => category.status === status)?.products ?? 0;

export function Strip({ dashboard }: { dashboard: Dashboard }) {
  const { t, f } = useI18n();
  const { categories } = dashboard;
  const unknown = countOf(categories, "unknown");
  return (
    <section className="panel strip" aria-label={t.home.strip}>
      <div>
        <p className="k">{t.top.asOf}</p>
        <p className="v">
          {dashboard.as_of ? (
            <>
              <Figure>{f.dateTime(dashboard.as_of)}</Figure>
              <small>
                {f.zone(dashboard.as_of) && `${f.zone(dashboard.as_of)} · `}
                <Age at={dashboard.as_of} />
              </small>
            </>
          ) : (
            "–"
          )}
        </p>
        <p className="sources">
          {dashboard.sources.map((source) => (
            <SourceAge key={source.account_id} source={source} all={dashboard.sources} />
          ))}
        </p>
      </div>
      <div>
        <p className="k">{t.home.stockValue}</p>
        <p className="v">
          <Figure>{f.money(dashboard.stock_value)}</Figure>
        </p>
        <p className="k">{unknown > 0 ? t.home.stockUnknown(unknown) : t.home.stockValueOf(dashboard.products)}</p>
      </div>
      <div>
        <p className="k">{t.home.sold}</p>
        <p className="v">
          <Figure>{f.money(dashboard.revenue_30d)}</Figure>
        </p>
        <p className="k">{t.home.soldMeaning}</p>
      </div>
      <div>
        <p className="k">{t.home.decisions}</p>
        <p className="v">
          <Figure>{f.number(dashboard.need_decision)}</Figure>
          <small>{t.home.ofProducts(dashboard.products)}</small>
        </p>
        <p className="k hide-s">
          {t.home.breakdown(
            countOf(categories, "critical"),
            countOf(categories, "low"),
            countOf(categories, "overstock"),
          )}
        </p>
      </div>
    </section>
  );
}
