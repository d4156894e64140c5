/** What a product brings and costs at its marketplaces: the finances by kind, and what keeping it there costs. */
import { rawResponseUrl } from "@/api/client";
import type { FinanceSums, ProductDetail, StorageSum } from "@/api/types";
import { Unread } from "@/features/products/Unread";
import { useI18n } from "@/i18n";

export function MoneyPanel({ detail }: { detail: ProductDetail }) {
  const { t, f } = useI18n();
  const { finance, storage } = detail;
  return (
    <section className="panel list" aria-labelledby="money-title">
      <div className="panel-head">
        <h2 id="money-title">{t.product.moneyTitle}</h2>
        <span className="grow" />
        {finance && <span className="note">{t.product.moneyAsOf(f.dateTime(finance.as_of))}</span>}
      </div>
      {finance && <Unread accounts={finance.unread} />}
      {finance === null ? (
        <p className="money-none">{t.product.financeUnknown}</p>
      ) : finance.kinds.length === 0 ? (
        <p className="money-none">{t.product.financeNone}</p>
      ) : (
        <Finance finance={finance} />
      )}
      <Storage storage={storage} />
      {storage && <Unread accounts={storage.unread} />}
    </section>
  );
}

function Finance({ finance }: { finance: FinanceSums }) {
  const { t, f } = useI18n();
  return (
    <table role="table" className="data money">
      <caption className="sr">{t.product.moneyTitle}</caption>
      <thead role="rowgroup">
        <tr role="row">
          <th scope="col">{t.product.moneyKind}</th>
          <th scope="col" className="num">
            {t.product.moneyLines}
          </th>
          <th scope="col" className="num">
            {t.product.moneyAmount}
          </th>
          <th scope="col">{t.product.moneyWhy}</th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {finance.kinds.map((sum) => (
          <tr role="row" key={`${sum.kind} ${sum.amount.currency}`}>
            <th scope="row">{t.product.financeKinds[sum.kind]}</th>
            <td className="num dim">{f.number(sum.lines)}</td>
            <td className="num strong">{f.price(sum.amount)}</td>
            <td>
              <Told response={sum.response} what={t.product.financeKinds[sum.kind]} />
            </td>
          </tr>
        ))}
      </tbody>
      <tfoot role="rowgroup">
        <tr role="row">
          <th scope="row">{t.product.moneyNet}</th>
          <td />
          <td className="num strong">{f.price(finance.net)}</td>
          <td />
        </tr>
      </tfoot>
    </table>
  );
}

function Storage({ storage }: { storage: StorageSum | null }) {
  const { t, f } = useI18n();
  if (storage === null) return <p className="money-storage dim">{t.product.storageUnknown}</p>;
  if (storage.first_day === null || storage.last_day === null)
    return <p className="money-storage">{t.product.storageNone(f.dateTime(storage.as_of))}</p>;
  return (
    <p className="money-storage">
      <span className="strong">{t.product.storageCost(f.price(storage.cost))}</span>
      <span className="dim">
        {" "}
        · {t.product.storageDays(storage.days, f.dayRange(storage.first_day, storage.last_day))}
      </span>{" "}
      <Told response={storage.response} what={t.product.storageWhat} />
    </p>
  );
}

/** The way from a figure to what the marketplace said. */
function Told({ response, what }: { response: string | null; what: string }) {
  const { t } = useI18n();
  if (response === null) return <span className="dim">–</span>;
  return (
    <a
      className="link"
      href={rawResponseUrl(response)}
      target="_blank"
      rel="noreferrer"
      aria-label={t.product.moneyToldOf(what)}
    >
      {t.product.moneyTold}
    </a>
  );
}
