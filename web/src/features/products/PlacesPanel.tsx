/** Stock by place, the fullest first, with a last row that is the sum of those above. */
import { useState } from "react";
import type { PlaceStock, ProductDetail } from "@/api/types";
import { Center } from "@/components/states/Center";
import { Figure } from "@/components/ui/Figure";
import { Icon } from "@/components/ui/Icon";
import { Status } from "@/components/ui/Status";
import { useI18n } from "@/i18n";
import { useNow } from "@/lib/hooks";
import { sourceBadge } from "@/lib/names";

type Quantity = "present" | "reserved" | "available" | "inbound";

/** Quantities have three decimals; sums are made of thousandths, so that none is lost in a float. */
function sum(places: readonly PlaceStock[], quantity: Quantity): number | null {
  const known = places.flatMap((place) => (place[quantity] === null ? [] : [place[quantity]]));
  return known.length === 0 ? null : known.reduce((total, one) => total + Math.round(one * 1000), 0) / 1000;
}

const isEmpty = (place: PlaceStock) =>
  place.available === 0 && !place.present && !place.reserved && !place.inbound && !place.stale;

/** Below this, empty places stand in the table like all others. */
const fewEmpty = 4;

const byAvailable = (a: PlaceStock, b: PlaceStock) => (b.available ?? -1) - (a.available ?? -1);

interface Props {
  detail: ProductDetail;
  whyOpen: boolean;
  onWhy: () => void;
}

export function PlacesPanel({ detail, whyOpen, onWhy }: Props) {
  const { t, f } = useI18n();
  const now = useNow();
  const [all, setAll] = useState(false);
  const { places, as_of } = detail;
  const severalAccounts =
    new Set(places.map((place) => `${place.source} ${place.account}`)).size >
    new Set(places.map((place) => place.source)).size;
  const severalSkus = new Set(places.map((place) => place.sku_id)).size > 1;
  const empty = places.filter(isEmpty);
  const folds = empty.length > fewEmpty;
  const shown = (folds && !all ? places.filter((place) => !isEmpty(place)) : [...places]).sort(byAvailable);
  const count = new Set(places.map((place) => place.place_id)).size;
  const available = sum(places, "available");
  return (
    <section className="panel list" aria-labelledby="places-title">
      <div className="panel-head">
        <h2 id="places-title">{t.product.places}</h2>
        <span className="grow" />
        {places.length > 0 && as_of && (
          <span className="note" title={f.exact(as_of)}>
            {t.product.placesNote(count, f.zonedClock(as_of, now))}
          </span>
        )}
      </div>
      {places.length === 0 ? (
        <Center bare status="unknown" title={t.product.noPlaces} />
      ) : (
        <div className="scroll">
          <table role="table" className="data places">
            <caption className="sr">{t.product.places}</caption>
            <thead role="rowgroup">
              <tr role="row">
                <th scope="col">{t.product.place}</th>
                <th scope="col" className="hide-s">
                  {t.product.status}
                </th>
                <th scope="col" className="num hide-s">
                  {t.product.present}
                </th>
                <th scope="col" className="num hide-s">
                  {t.product.reserved}
                </th>
                <th scope="col" className="num">
                  {t.product.available}
                </th>
                <th scope="col" className="num">
                  {t.product.inbound}
                </th>
                <th scope="col" className="num hide-s">
                  {t.product.since}
                </th>
              </tr>
            </thead>
            <tbody role="rowgroup">
              {shown.map((place) => (
                <tr role="row" key={`${place.place_id} ${place.sku_id}`}>
                  <th scope="row">
                    <span className="strong">{place.place}</span>
                    <span className="sub">
                      {sourceBadge(place.source)} {place.scheme}
                      {severalAccounts && ` · ${place.account}`}
                      {place.region && ` · ${place.region}`}
                      {severalSkus && ` · ${place.sku_id}`}{" "}
                      {place.stale && (
                        <span className="age" role="img" aria-label={t.table.stale} title={t.table.stale}>
                          <Icon name="clock" />
                        </span>
                      )}
                    </span>
                  </th>
                  <td className="hide-s">
                    <Status status={place.status} />
                  </td>
                  <td className="num hide-s">{f.number(place.present)}</td>
                  <td className="num hide-s">{f.number(place.reserved)}</td>
                  <td className="num strong">
                    <Figure>{f.number(place.available)}</Figure>
                  </td>
                  <td className="num">{f.number(place.inbound)}</td>
                  <td className="num dim hide-s">
                    <time dateTime={place.since} title={f.exact(place.since)}>
                      {f.clock(place.since, now)}
                    </time>
                  </td>
                </tr>
              ))}
              {folds && (
                <tr role="row" className="fold">
                  <td colSpan={7}>
                    {t.product.emptyPlaces(empty.length)}{" "}
                    <button type="button" className="link" aria-expanded={all} onClick={() => setAll(!all)}>
                      {all ? t.product.hideEmpty : t.product.showEmpty}
                    </button>
                  </td>
                </tr>
              )}
            </tbody>
            <tfoot role="rowgroup">
              <tr role="row">
                <td className="strong">{t.product.allPlaces}</td>
                <td className="hide-s" />
                <td className="num strong hide-s">{f.number(sum(places, "present"))}</td>
                <td className="num strong hide-s">{f.number(sum(places, "reserved"))}</td>
                <td className="num strong">
                  <button
                    type="button"
                    className="ask"
                    aria-expanded={whyOpen}
                    aria-label={t.why.open(f.number(available))}
                    title={t.why.open(f.number(available))}
                    onClick={onWhy}
                  >
                    <Figure>{f.number(available)}</Figure>
                  </button>
                </td>
                <td className="num strong">{f.number(sum(places, "inbound"))}</td>
                <td className="hide-s" />
              </tr>
            </tfoot>
          </table>
        </div>
      )}
    </section>
  );
}
