/** How a product's cards are looked at and bought: openings, carts, orders and purchases of four weeks, beside the four before. */
import { Fragment } from "react";
import { rawResponseUrl } from "@/api/client";
import type { FunnelSpan, FunnelSums } from "@/api/types";
import { Unread } from "@/features/products/Unread";
import { useI18n } from "@/i18n";
import { sourceTitle } from "@/lib/names";

const spanDays = 28;

export function FunnelPanel({ funnel }: { funnel: FunnelSums | null }) {
  const { t, f } = useI18n();
  return (
    <section className="panel list" aria-labelledby="funnel-title">
      <div className="panel-head">
        <h2 id="funnel-title">{t.funnel.title}</h2>
        <span className="grow" />
        {funnel && <span className="note">{t.funnel.asOf(f.dateTime(funnel.as_of))}</span>}
      </div>
      {funnel && <Unread accounts={funnel.unread} />}
      {funnel === null ? (
        <p className="money-none">{t.funnel.unknown}</p>
      ) : funnel.now === null && funnel.before === null ? (
        <p className="money-none">{t.funnel.nothing}</p>
      ) : (
        <>
          <Steps now={funnel.now} before={funnel.before} />
          <p className="money-storage dim">{t.funnel.note}</p>
        </>
      )}
    </section>
  );
}

interface Spans {
  now: FunnelSpan | null;
  before: FunnelSpan | null;
}

function Steps({ now, before }: Spans) {
  const { t, f } = useI18n();
  const words = t.funnel;
  const steps: {
    name: string;
    count: (span: FunnelSpan) => number | null;
    rate?: (span: FunnelSpan) => string[];
  }[] = [
    { name: words.opened, count: (span) => span.opened },
    {
      name: words.carted,
      count: (span) => span.carted,
      rate: rateOf((span) => span.to_cart, words.ofOpened, words.aboveOpened),
    },
    {
      name: words.ordered,
      count: (span) => span.ordered,
      rate: rateOf((span) => span.to_order, words.ofCarted, words.aboveCarted),
    },
    { name: words.bought, count: (span) => span.bought, rate: rateOf((span) => span.to_buyout, words.ofOrdered) },
    { name: words.cancelled, count: (span) => span.cancelled },
    { name: words.wished, count: (span) => span.wished },
  ];
  /** The share in words, and why where it is above the whole. */
  function rateOf(share: (span: FunnelSpan) => number | null, say: (share: string) => string, above?: string) {
    return (span: FunnelSpan) => {
      const told = share(span);
      if (told === null) return [];
      return told > 1 && above ? [say(f.rate(told)), above] : [say(f.rate(told))];
    };
  }
  return (
    <table role="table" className="data funnel">
      <caption className="sr">{words.title}</caption>
      <thead role="rowgroup">
        <tr role="row">
          <th scope="col">{words.step}</th>
          <Head name={words.now} span={now} />
          <Head name={words.before} span={before} />
        </tr>
      </thead>
      <tbody role="rowgroup">
        {steps.map(({ name, count, rate }) => (
          <tr role="row" key={name}>
            <th scope="row">{name}</th>
            {[now, before].map((span, which) => (
              <td className={which === 0 ? "num strong" : "num"} key={which}>
                {span === null ? "–" : f.number(count(span))}
                {span !== null &&
                  rate?.(span).map((line) => (
                    <Fragment key={line}>
                      {" "}
                      <span className="rate dim">{line}</span>
                    </Fragment>
                  ))}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Which days a column is of, how many of them are told, and the way to what the marketplace said. */
function Head({ name, span }: { name: string; span: FunnelSpan | null }) {
  const { t, f } = useI18n();
  return (
    <th scope="col" className="num">
      {name}
      <span className="told dim">
        {span === null ? t.funnel.none : <span className="nowrap">{f.dayRange(span.first_day, span.last_day)}</span>}
        {span !== null && span.days < spanDays && (
          <>
            <br />
            {t.funnel.days(span.days, spanDays)}
            {span.incomplete.length > 0 && (
              <>
                <br />
                {t.list(span.incomplete.map((each) => `${sourceTitle(each.source)} “${each.account}”`))}
              </>
            )}
          </>
        )}
        {span?.response && (
          <>
            <br />
            <a
              className="link"
              href={rawResponseUrl(span.response)}
              target="_blank"
              rel="noreferrer"
              aria-label={t.funnel.toldOf(name)}
            >
              {t.funnel.told}
            </a>
          </>
        )}
      </span>
    </th>
  );
}
