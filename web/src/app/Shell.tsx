/** The frame of every page: sidebar, top bar, notices that concern all pages, bottom navigation. */
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { useLiveFeed, useLiveState } from "@/api/live";
import { queries } from "@/api/queries";
import type { Meta } from "@/api/types";
import { Help } from "@/app/Help";
import { LanguageButtons, MoreMenu, ThemeButton } from "@/app/Preferences";
import { SearchBox } from "@/app/SearchBox";
import { Bone, Bones, RowBones } from "@/components/states/Bones";
import { ErrorState } from "@/components/states/ErrorState";
import { Notice } from "@/components/states/Notice";
import { Figure } from "@/components/ui/Figure";
import { Icon, type IconName } from "@/components/ui/Icon";
import { useI18n } from "@/i18n";
import { isStale } from "@/lib/freshness";
import { useNow } from "@/lib/hooks";
import { useKey } from "@/lib/keys";

const rooms = [
  { to: "/", icon: "home", name: "home" },
  { to: "/products", icon: "box", name: "products" },
  { to: "/sync", icon: "sync", name: "sync" },
] as const satisfies readonly { to: string; icon: IconName; name: string }[];

function Logo() {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <rect x="1" y="1" width="22" height="22" rx="6" fill="var(--accent)" />
      <path
        d="M6 16.5V11M10 16.5V7.5M14 16.5v-4M18 16.5V9.5"
        stroke="var(--on-accent)"
        strokeWidth="2.2"
        strokeLinecap="round"
      />
    </svg>
  );
}

/** The room a path lies in; a product lies among the products. */
function useRoom() {
  return useRouterState({
    select: ({ location: { pathname } }) =>
      rooms.find(({ to }) => (to === "/" ? pathname === "/" : pathname.startsWith(to)))?.to,
  });
}

function Rooms() {
  const { t } = useI18n();
  const here = useRoom();
  const { data: overview } = useQuery(queries.sync());
  const running = (overview?.running.length ?? 0) > 0;
  return rooms.map(({ to, icon, name }) => (
    <Link key={to} to={to} aria-current={here === to ? "page" : undefined}>
      <Icon name={icon} className={name === "sync" && running ? "turning" : ""} />
      <span>{t.nav[name]}</span>
    </Link>
  ));
}

function Side() {
  const { t } = useI18n();
  const { data: meta } = useQuery(queries.meta());
  const live = useLiveState(useLiveFeed());
  return (
    <aside className="side">
      <div className="side-column">
        <Link className="brand" to="/">
          <Logo />
          <span>micore</span>
        </Link>
        {meta && <Shop meta={meta} />}
        <nav className="nav" aria-label={t.nav.main}>
          <Rooms />
        </nav>
        <div className="side-foot">
          <span className="line" title={t.nav[liveWord[live]]}>
            <i className={`dot ${live === "open" ? "" : "off"}`} />
            <span>{t.nav[liveWord[live]]}</span>
          </span>
          {meta && <span>{t.nav.version(meta.version)}</span>}
        </div>
      </div>
    </aside>
  );
}

/** The shop by the name it was given; without one, by its accounts at the marketplaces, which have names of their own. */
function Shop({ meta }: { meta: Meta }) {
  const { t } = useI18n();
  const { data: dashboard } = useQuery(queries.dashboard());
  const accounts = [...new Set(dashboard?.sources.map(({ name }) => name) ?? [])];
  const given = meta.shop_name.trim();
  const name = given || accounts.join(", ");
  if (!name) return null;
  const meaning = given ? t.nav.shopName("MICORE_SHOP_NAME") : t.nav.shopAccounts;
  return (
    <div className="shop" title={`${t.colon(meaning)} ${name}`}>
      <Icon name="box" />
      <span className="cut">{name}</span>
      {meta.demo && (
        <span className="badge" title={t.nav.demoHint}>
          {t.nav.demo}
        </span>
      )}
    </div>
  );
}

const liveWord = { open: "live", connecting: "connecting", lost: "lost" } as const;

/** The age of the figures; in sight on every page and at every width. */
function AsOf() {
  const { t, f } = useI18n();
  const now = useNow();
  const { data: dashboard } = useQuery(queries.dashboard());
  const { data: overview } = useQuery(queries.sync());
  if (!dashboard) return null;
  if (dashboard.as_of === null) {
    return (
      <span className="asof">
        <i className="dot off" />
        {t.top.never}
      </span>
    );
  }
  const reading = new Set(overview?.running.map((run) => run.source));
  const old = dashboard.sources.filter((source) => isStale(source, now));
  // What is being read now asks for patience, not for attention.
  const stale = old.some((source) => !reading.has(source.source));
  const dot = stale ? "warn" : old.length > 0 ? "busy" : "";
  return (
    <span className={`asof ${stale ? "old" : ""}`} title={f.exact(dashboard.as_of)}>
      <i className={`dot ${dot}`} />
      <span className="hide-s">{t.top.asOf}</span>{" "}
      <b>
        <Figure>{f.clock(dashboard.as_of, now)}</Figure>
      </b>
      {f.zone(dashboard.as_of) && <small>{f.zone(dashboard.as_of)}</small>}
      {stale && <span className="sr">{t.top.stale}</span>}
    </span>
  );
}

function Offline() {
  const { t, f } = useI18n();
  const now = useNow();
  const feed = useLiveFeed();
  const live = useLiveState(feed);
  const { data: dashboard } = useQuery(queries.dashboard());
  if (live !== "lost") return null;
  return (
    <Notice
      tone="unknown"
      role="status"
      title={t.notice.offlineTitle}
      action={
        <button type="button" className="btn small" onClick={feed.retryNow}>
          {t.notice.retry}
        </button>
      }
    >
      {dashboard?.as_of ? t.notice.offlineText(f.zonedClock(dashboard.as_of, now)) : t.notice.offlineEmpty}
    </Notice>
  );
}

/** A new page starts at its heading for those who do not see it. */
function useFocusOnNavigation(main: React.RefObject<HTMLElement | null>) {
  const path = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
  const first = useRef(true);
  useEffect(() => {
    if (path === undefined) return;
    if (first.current) {
      first.current = false;
      return;
    }
    // Whoever is typing in the search keeps the cursor.
    if (!(document.activeElement instanceof HTMLInputElement)) main.current?.focus({ preventScroll: true });
  }, [path, main]);
}

/** Before the shop itself is known: a head and a panel, whatever the page. */
function FirstBones() {
  return (
    <Bones>
      <Bone width="30%" height={24} />
      <div className="panel">
        <RowBones />
      </div>
    </Bones>
  );
}

export function Shell() {
  const { t } = useI18n();
  const navigate = useNavigate();
  const main = useRef<HTMLElement>(null);
  const [help, setHelp] = useState(false);
  const meta = useQuery(queries.meta());
  useFocusOnNavigation(main);
  useKey("g d", () => void navigate({ to: "/" }));
  useKey("g i", () => void navigate({ to: "/products" }));
  useKey("g s", () => void navigate({ to: "/sync" }));
  useKey("?", () => setHelp(true));
  return (
    <>
      <a className="skip" href="#main">
        {t.nav.skip}
      </a>
      <div className="app">
        <Side />
        <header className="top">
          <SearchBox />
          <span className="grow hide-s" />
          <AsOf />
          <LanguageButtons className="hide-s" />
          <ThemeButton className="hide-s" />
          <button
            type="button"
            className="icon-btn help"
            aria-label={t.top.help}
            title={t.top.help}
            onClick={() => setHelp(true)}
          >
            <Icon name="help" />
          </button>
        </header>
        <main className="main" id="main" tabIndex={-1} ref={main}>
          <Offline />
          {meta.error && !meta.data ? (
            <ErrorState error={meta.error} onRetry={() => void meta.refetch()} />
          ) : (
            ((meta.data && <Outlet />) ?? <FirstBones />)
          )}
        </main>
        <nav className="bottom-nav" aria-label={t.nav.mainPhone}>
          <Rooms />
          <MoreMenu />
        </nav>
      </div>
      {help && <Help onClose={() => setHelp(false)} />}
    </>
  );
}
