/** The pages, their addresses, what their addresses may say, and what they read ahead. */
import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  retainSearchParams,
  type RouterHistory,
} from "@tanstack/react-router";
import { queries } from "@/api/queries";
import { Broken } from "@/app/Broken";
import { NotFound } from "@/app/NotFound";
import { Shell } from "@/app/Shell";
import { usualRange } from "@/lib/range";
import {
  parseSearch,
  readDashboard,
  readProduct,
  readProducts,
  readQuarantine,
  readRoot,
  readSync,
  writeSearch,
} from "@/lib/url-state";

interface Context {
  cache: QueryClient;
}

/** Starts a request before its page is drawn; the page itself tells when it fails. */
function ahead(request: Promise<unknown>): void {
  request.catch(() => undefined);
}

const root = createRootRouteWithContext<Context>()({
  component: Shell,
  notFoundComponent: NotFound,
  validateSearch: readRoot,
  search: { middlewares: [retainSearchParams(["lang"])] },
});

const dashboard = createRoute({
  getParentRoute: () => root,
  path: "/",
  validateSearch: readDashboard,
  loader: ({ context: { cache } }) => ahead(cache.query(queries.dashboard())),
  component: lazyRouteComponent(() => import("@/features/dashboard/DashboardPage"), "DashboardPage"),
});

const products = createRoute({
  getParentRoute: () => root,
  path: "/products",
  validateSearch: readProducts,
  loader: ({ context: { cache } }) => ahead(cache.query(queries.dashboard())),
  component: lazyRouteComponent(() => import("@/features/products/ProductsPage"), "ProductsPage"),
});

const product = createRoute({
  getParentRoute: () => root,
  path: "/products/$id",
  validateSearch: readProduct,
  loaderDeps: ({ search }) => ({ range: search.range }),
  loader: ({ context: { cache }, params: { id }, deps }) => {
    ahead(cache.query(queries.product(id)));
    ahead(cache.query(queries.history(id, deps.range ?? usualRange())));
  },
  component: lazyRouteComponent(() => import("@/features/products/ProductPage"), "ProductPage"),
});

const sync = createRoute({
  getParentRoute: () => root,
  path: "/sync",
  validateSearch: readSync,
  loader: ({ context: { cache } }) => ahead(cache.query(queries.sync())),
  component: lazyRouteComponent(() => import("@/features/sync/SyncPage"), "SyncPage"),
});

const sources = createRoute({
  getParentRoute: () => root,
  path: "/sources",
  loader: ({ context: { cache } }) => ahead(cache.query(queries.sources())),
  component: lazyRouteComponent(() => import("@/features/sources/SourcesPage"), "SourcesPage"),
});

const quarantine = createRoute({
  getParentRoute: () => root,
  path: "/quarantine",
  validateSearch: readQuarantine,
  loader: ({ context: { cache } }) => ahead(cache.query(queries.quarantine())),
  component: lazyRouteComponent(() => import("@/features/quarantine/QuarantinePage"), "QuarantinePage"),
});

const reconcile = createRoute({
  getParentRoute: () => root,
  path: "/reconcile",
  loader: ({ context: { cache } }) => ahead(cache.query(queries.reconciliations())),
  component: lazyRouteComponent(() => import("@/features/reconcile/ReconcilePage"), "ReconcilePage"),
});

const backups = createRoute({
  getParentRoute: () => root,
  path: "/backups",
  loader: ({ context: { cache } }) => ahead(cache.query(queries.backups())),
  component: lazyRouteComponent(() => import("@/features/backups/BackupsPage"), "BackupsPage"),
});

const routeTree = root.addChildren([dashboard, products, product, sync, sources, quarantine, reconcile, backups]);

export function createAppRouter(cache: QueryClient, history?: RouterHistory) {
  return createRouter({
    routeTree,
    context: { cache },
    ...(history ? { history } : {}),
    parseSearch,
    stringifySearch: writeSearch,
    defaultPreload: "intent",
    defaultPreloadStaleTime: 0,
    defaultErrorComponent: Broken,
    scrollRestoration: true,
    defaultStructuralSharing: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
