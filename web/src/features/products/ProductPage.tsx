/** One product: how it stands, how it came there, where it lies, and why the figure is what it is. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { ApiError } from "@/api/errors";
import { queries } from "@/api/queries";
import type { ProductDetail } from "@/api/types";
import { Bone, Bones } from "@/components/states/Bones";
import { Center } from "@/components/states/Center";
import { ErrorState } from "@/components/states/ErrorState";
import { Icon } from "@/components/ui/Icon";
import { FlowsPanel } from "@/features/products/FlowsPanel";
import { FunnelPanel } from "@/features/products/FunnelPanel";
import { MoneyPanel } from "@/features/products/MoneyPanel";
import { HistoryPanel } from "@/features/products/HistoryPanel";
import { ListingsPanel } from "@/features/products/ListingsPanel";
import { PlacesPanel } from "@/features/products/PlacesPanel";
import "@/features/products/product.css";
import { Verdict } from "@/features/products/Verdict";
import { WhyPanel } from "@/features/products/WhyPanel";
import { useI18n } from "@/i18n";
import { useTitle } from "@/lib/hooks";
import { useKey } from "@/lib/keys";
import { initials, sourceBadge } from "@/lib/names";
import { usualRange } from "@/lib/range";
import { without } from "@/lib/url-state";

function Crumbs({ name }: { name?: string }) {
  const { t } = useI18n();
  return (
    <p className="crumbs">
      <Link to="/products">{t.products.title}</Link>
      {name && (
        <>
          <Icon name="right" />
          <span className="cut">{name}</span>
        </>
      )}
    </p>
  );
}

export function ProductPage() {
  const { t } = useI18n();
  const { id } = useParams({ from: "/products/$id" });
  const detail = useQuery(queries.product(id));
  const currency = useQuery(queries.meta()).data?.currency;
  useTitle(detail.data?.product.name ?? t.products.title);
  if (detail.data && currency) return <Ready key={id} detail={detail.data} currency={currency} />;
  // 422: what stands in the address is no id at all.
  const missing = detail.error instanceof ApiError && [404, 422].includes(detail.error.status);
  return (
    <div className="page">
      <Crumbs />
      {missing ? (
        <Center
          whole
          icon="box"
          title={t.product.notFoundTitle}
          actions={
            <Link className="btn primary" to="/products">
              {t.product.toProducts}
            </Link>
          }
        >
          <p>{t.product.notFoundText}</p>
        </Center>
      ) : detail.error ? (
        <ErrorState error={detail.error} onRetry={() => void detail.refetch()} />
      ) : (
        <Bones>
          <div className="bone-row">
            <Bone width="56px" height={56} />
            <span className="grow">
              <Bone width="50%" height={20} />
            </span>
          </div>
          <div className="panel">
            <Bone width="60%" height={20} />
            <Bone width="40%" />
          </div>
          <div className="panel">
            <Bone width="100%" height={180} />
            <Bone width="100%" height={100} />
          </div>
        </Bones>
      )}
    </div>
  );
}

/** "Ozon FBO", "WB FBW": how and where the product is sold. */
function schemes(detail: ProductDetail): string[] {
  const found = detail.places.map((place) => `${sourceBadge(place.source)} ${place.scheme}`);
  return [...new Set(found.length > 0 ? found : detail.product.marketplaces.map(sourceBadge))].sort();
}

const shownBarcodes = 2;

function Ready({ detail, currency }: { detail: ProductDetail; currency: string }) {
  const { t, f } = useI18n();
  const search = useSearch({ from: "/products/$id" });
  const navigate = useNavigate({ from: "/products/$id" });
  const { product, listings } = detail;
  const days = useQuery(queries.history(product.id, search.range ?? usualRange())).data?.days ?? [];
  const open = search.why === true;
  const setOpen = (why: boolean) =>
    void navigate({
      search: (before) => (why ? { ...before, why } : without(before, "why")),
      replace: true,
      resetScroll: false,
    });
  useKey("w", () => setOpen(!open));
  const barcodes = [...new Set(listings.flatMap((listing) => listing.barcodes))];
  return (
    <div className={`page product ${open ? "with-why" : ""}`}>
      <div className="page">
        <Crumbs name={product.name} />
        <header className="prod-head">
          <span className="thumb" aria-hidden="true">
            {initials(product.name)}
          </span>
          <div className="grow">
            <h1 className="title">{product.name}</h1>
            <p className="meta">
              <span className="mono">{product.code}</span>
              {barcodes.slice(0, shownBarcodes).map((barcode) => (
                <span className="mono" key={barcode}>
                  {barcode}
                </span>
              ))}
              <span className="badges">
                {schemes(detail).map((scheme) => (
                  <span className="badge" key={scheme}>
                    {scheme}
                  </span>
                ))}
                {product.archived && <span className="badge">{t.table.archived}</span>}
              </span>
              {product.price && <span>{t.product.price(f.price(product.price))}</span>}
            </p>
          </div>
        </header>
        <Verdict detail={detail} days={days} />
        <HistoryPanel product={product} currency={currency} />
        <PlacesPanel detail={detail} whyOpen={open} onWhy={() => setOpen(!open)} />
        <FlowsPanel detail={detail} />
        <MoneyPanel detail={detail} />
        <FunnelPanel funnel={detail.funnel} />
        <ListingsPanel listings={listings} currency={currency} />
      </div>
      {open && <WhyPanel id={product.id} onClose={() => setOpen(false)} />}
    </div>
  );
}
