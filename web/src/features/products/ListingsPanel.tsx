/** The cards at the marketplaces that sell this product: their numbers, barcodes and prices. */
import type { Listing } from "@/api/types";
import { useI18n } from "@/i18n";
import { sourceTitle } from "@/lib/names";

const shownBarcodes = 3;

export function ListingsPanel({ listings, currency }: { listings: readonly Listing[]; currency: string }) {
  const { t, f } = useI18n();
  if (listings.length === 0) return null;
  const severalAccounts = new Set(listings.map((listing) => listing.account)).size > 1;
  return (
    <section className="panel list" aria-labelledby="listings-title">
      <div className="panel-head">
        <h2 id="listings-title">{t.product.listings}</h2>
        <span className="grow" />
        <span className="note">{t.product.listingsNote(listings.length)}</span>
      </div>
      <div className="scroll">
        <table role="table" className="data listings">
          <caption className="sr">{t.product.listings}</caption>
          <thead role="rowgroup">
            <tr role="row">
              <th scope="col">{t.product.listing}</th>
              <th scope="col">{t.product.article}</th>
              <th scope="col">SKU</th>
              <th scope="col">{t.product.barcodes}</th>
              <th scope="col">{t.product.status}</th>
              <th scope="col" className="num">
                {t.product.priceHead(f.currencySign(currency))}
              </th>
            </tr>
          </thead>
          <tbody role="rowgroup">
            {listings.map((listing) => (
              <tr role="row" key={`${listing.source} ${listing.listing_id} ${listing.sku_id}`}>
                <th scope="row" className="l-name">
                  <span className="strong">
                    {sourceTitle(listing.source)}
                    {severalAccounts && ` · ${listing.account}`}
                  </span>
                  <span className="sub">
                    <span className="mono">{listing.listing_id}</span>
                    {listing.size && ` · ${t.product.size(listing.size)}`}
                  </span>
                </th>
                <td className="mono" data-label={t.product.article}>
                  {listing.offer_id}
                </td>
                <td className="mono" data-label="SKU">
                  {listing.sku_id}
                </td>
                <td className="mono" data-label={t.product.barcodes} title={listing.barcodes.join(", ")}>
                  {listing.barcodes.length === 0 ? "–" : listing.barcodes.slice(0, shownBarcodes).join(", ")}
                  {listing.barcodes.length > shownBarcodes &&
                    ` ${t.product.moreBarcodes(listing.barcodes.length - shownBarcodes)}`}
                </td>
                <td className="l-state">
                  <span className={listing.archived ? "dim" : ""}>
                    {listing.archived ? t.product.archived : t.product.active}
                  </span>
                </td>
                <td className="num strong l-price">{f.barePrice(listing.price)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
