/** One of the three categories: name, rule, count, money, the last days, and how many of it the table shows. */
import { Link } from "@tanstack/react-router";
import type { Category } from "@/api/types";
import { Figure } from "@/components/ui/Figure";
import { Segmented } from "@/components/ui/Segmented";
import { Shape } from "@/components/ui/Status";
import { Trend } from "@/components/ui/Sparkline";
import { useI18n } from "@/i18n";
import { without, type DecisionStatus } from "@/lib/url-state";

interface Props {
  category: Category;
  status: DecisionStatus;
  shown: number;
  of: number;
  whole: boolean;
  onWhole: (whole: boolean) => void;
  /** The table shows only this category. */
  alone: boolean;
}

function useRule(category: Category): string {
  const { t } = useI18n();
  if (category.up_to_units === null) return t.status.rule.over(category.above_units ?? 0);
  // The lower edge is open: "above 5" starts with 6.
  return t.status.rule.range(category.above_units === null ? 0 : category.above_units + 1, category.up_to_units);
}

export function CategoryPanel({ category, status, shown, of, whole, onWhole, alone }: Props) {
  const { t, f } = useI18n();
  const rule = useRule(category);
  const id = `category-${status}`;
  const trend = category.trend.map((point) => point.products);
  const first = category.trend[0];
  const last = category.trend.at(-1);
  const good = category.products === 0;
  return (
    <section className={`panel cat ${status}`} aria-labelledby={id} data-alone={alone || undefined}>
      <h2 className="cat-h" id={id}>
        <Shape status={good ? "normal" : status} />
        <Link
          to="/"
          search={(before) => (alone ? without(before, "status") : { ...before, status: [status] })}
          hash="exceptions"
          resetScroll={false}
        >
          {t.status[status]}
        </Link>
        <span className="rule">{rule}</span>
      </h2>
      <div className="cat-n">
        <b className="big">
          <Figure>{f.number(category.products)}</Figure>
        </b>
        <span className="val">
          {good ? (
            t.status.zero[status]
          ) : (
            <>
              <b>
                <Figure>{f.money(category.money)}</Figure>
              </b>{" "}
              {t.effect[category.effect_kind]}
            </>
          )}
        </span>
      </div>
      <div className="cat-t">
        {first && last && trend.length > 1 && (
          <>
            <Trend values={trend} />
            <p className="k" title={f.dayRange(first.day, last.day)}>
              {t.home.trend(first.products, last.products)}
              <span className="ago">{t.home.trendDays(spanDays(first.day, last.day))}</span>
            </p>
          </>
        )}
      </div>
      <div className="cat-f">
        <span className="cut">{whole || of <= shown ? t.home.allShown(of) : t.home.shownOf(shown, of)}</span>
        <Segmented
          className="small"
          label={t.status[status]}
          value={whole ? "all" : "top"}
          options={[
            { value: "top", text: t.home.top10 },
            { value: "all", text: t.home.showAll },
          ]}
          onChange={(next) => onWhole(next === "all")}
        />
      </div>
    </section>
  );
}

const dayMs = 86_400_000;

/** Days from the first to the last point, both included. */
const spanDays = (from: string, to: string) => Math.round((Date.parse(to) - Date.parse(from)) / dayMs) + 1;
