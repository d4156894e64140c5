/** Every read of the API as a pair of key and request. Keys that start with "data" are renewed by each publish. */
import { infiniteQueryOptions, keepPreviousData, QueryClient, queryOptions } from "@tanstack/react-query";
import { client, read } from "@/api/client";
import { ApiError } from "@/api/errors";
import type { BackfillRequest, RowsMeant, RowState } from "@/api/types";
import type { ProductsSearch, Status } from "@/lib/url-state";

/** What a publish makes old. */
export const dataKey = ["data"] as const;
export const syncKey = ["sync"] as const;
export const quarantineKey = ["quarantine"] as const;

const pageRows = 100;
const underWayEvery = 2_000;
const idleEvery = 60_000;
const retries = 2;

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // A publish tells us when data is old; the ETag makes an extra question cheap.
        staleTime: 30_000,
        gcTime: 10 * 60_000,
        retry: (count, error) => count < retries && error instanceof ApiError && error.passing,
        retryDelay: (attempt) => Math.min(500 * 2 ** attempt, 5_000),
        // A server on this machine answers without a network; only the attempt can tell.
        networkMode: "always",
      },
      mutations: { networkMode: "always" },
    },
  });
}

const commas = (list: readonly (string | number)[] | undefined) =>
  list && list.length > 0 ? list.join(",") : undefined;

/** Leaves out what is not set: the server's default is then the only default. */
export function present<T extends object>(query: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

export interface RowFilter {
  source: string | undefined;
  account: number | undefined;
  stream: string | undefined;
  rule: string | undefined;
}

export type ProductFilters = Omit<ProductsSearch, "status"> & { status?: readonly Status[] };

function productQuery(filters: ProductFilters, limit: number, cursor: string | null) {
  return present({
    q: filters.q,
    status: commas(filters.status),
    marketplace: commas(filters.marketplace),
    account: commas(filters.account),
    place: commas(filters.place),
    state: filters.state,
    sort: filters.sort,
    limit,
    cursor: cursor ?? undefined,
  });
}

export const queries = {
  meta: () =>
    queryOptions({
      queryKey: ["meta"],
      queryFn: ({ signal }) => read(client.GET("/api/v1/meta", { signal })),
      staleTime: Infinity,
    }),

  dashboard: () =>
    queryOptions({
      queryKey: [...dataKey, "dashboard"],
      queryFn: ({ signal }) => read(client.GET("/api/v1/dashboard", { signal })),
    }),

  places: () =>
    queryOptions({
      queryKey: [...dataKey, "places"],
      queryFn: ({ signal }) => read(client.GET("/api/v1/places", { signal })),
    }),

  /** The first `limit` products that match. */
  top: (filters: ProductFilters, limit: number) =>
    queryOptions({
      queryKey: [...dataKey, "products", "top", filters, limit],
      queryFn: ({ signal }) =>
        read(client.GET("/api/v1/products", { params: { query: productQuery(filters, limit, null) }, signal })),
      placeholderData: keepPreviousData,
    }),

  /** All products that match, page by page. */
  products: (filters: ProductFilters) =>
    infiniteQueryOptions({
      queryKey: [...dataKey, "products", "all", filters],
      queryFn: ({ signal, pageParam }) =>
        read(client.GET("/api/v1/products", { params: { query: productQuery(filters, pageRows, pageParam) }, signal })),
      initialPageParam: null as string | null,
      getNextPageParam: (last) => last.next_cursor,
      placeholderData: keepPreviousData,
    }),

  product: (id: string) =>
    queryOptions({
      queryKey: [...dataKey, "product", id],
      queryFn: ({ signal }) =>
        read(client.GET("/api/v1/products/{product_id}", { params: { path: { product_id: id } }, signal })),
    }),

  history: (id: string, days: number) =>
    queryOptions({
      queryKey: [...dataKey, "history", id, days],
      queryFn: ({ signal }) =>
        read(
          client.GET("/api/v1/products/{product_id}/history", {
            params: { path: { product_id: id }, query: { days } },
            signal,
          }),
        ),
      placeholderData: (before, query) => (query?.queryKey[2] === id ? before : undefined),
    }),

  why: (id: string) =>
    queryOptions({
      queryKey: [...dataKey, "why", id],
      queryFn: ({ signal }) =>
        read(client.GET("/api/v1/products/{product_id}/why", { params: { path: { product_id: id } }, signal })),
    }),

  /** What waits in quarantine. Asked again while something of it is under way. */
  quarantine: () =>
    queryOptions({
      queryKey: [...quarantineKey, "overview"],
      queryFn: ({ signal }) => read(client.GET("/api/v1/quarantine", { signal })),
      refetchInterval: ({ state }) => (state.data?.groups.some((group) => group.asked > 0) ? underWayEvery : false),
    }),

  /** How many rows wait: for pages that only lead there. */
  quarantineCount: () =>
    queryOptions({
      queryKey: [...quarantineKey, "waiting"],
      queryFn: ({ signal }) => read(client.GET("/api/v1/quarantine/waiting", { signal })),
    }),

  quarantinedRows: (filter: RowFilter, state: RowState) =>
    infiniteQueryOptions({
      queryKey: [...quarantineKey, "rows", filter, state],
      queryFn: ({ signal, pageParam }) =>
        read(
          client.GET("/api/v1/quarantine/rows", {
            params: {
              query: present({
                source: filter.source,
                account_id: filter.account,
                stream: filter.stream,
                rule: filter.rule,
                state,
                limit: 50,
                cursor: pageParam ?? undefined,
              }),
            },
            signal,
          }),
        ),
      initialPageParam: null as string | null,
      getNextPageParam: (last) => last.next_cursor,
      placeholderData: keepPreviousData,
    }),

  quarantinedRow: (id: number) =>
    queryOptions({
      queryKey: [...quarantineKey, "row", id],
      queryFn: ({ signal }) =>
        read(client.GET("/api/v1/quarantine/rows/{row_id}", { params: { path: { row_id: id } }, signal })),
      refetchInterval: ({ state }) => (state.data?.row.asked ? underWayEvery : false),
    }),

  sync: () =>
    queryOptions({
      queryKey: [...syncKey, "overview"],
      queryFn: ({ signal }) => read(client.GET("/api/v1/sync", { signal })),
    }),

  /** Of every stream with a past. */
  backfillPlan: (asked: { source: string; first_day: string; end_day: string }) =>
    queryOptions({
      queryKey: [...syncKey, "backfill", asked],
      queryFn: ({ signal }) =>
        read(
          client.GET("/api/v1/sync/backfills/plan", {
            params: { query: asked },
            signal,
          }),
        ),
    }),

  sources: () =>
    queryOptions({
      queryKey: ["sources"],
      queryFn: ({ signal }) => read(client.GET("/api/v1/sources", { signal })),
    }),

  reconciliations: () =>
    queryOptions({
      queryKey: [...syncKey, "reconciliations"],
      queryFn: ({ signal }) => read(client.GET("/api/v1/reconciliations", { signal })),
    }),

  /** How the backups are and which there are, of one moment. Asked again while one is made. */
  backups: () =>
    queryOptions({
      queryKey: ["backups"],
      queryFn: async ({ signal }) => {
        const [status, list] = await Promise.all([
          read(client.GET("/api/backup/status", { signal })),
          read(client.GET("/api/backup/list", { signal })),
        ]);
        return { status, list };
      },
      refetchInterval: ({ state }) => (state.data?.status.running ? underWayEvery : idleEvery),
    }),

  runs: (findings: boolean) =>
    infiniteQueryOptions({
      queryKey: [...syncKey, "runs", { findings }],
      queryFn: ({ signal, pageParam }) =>
        read(
          client.GET("/api/v1/sync/runs", {
            params: { query: present({ limit: 20, cursor: pageParam ?? undefined, findings: findings || undefined }) },
            signal,
          }),
        ),
      initialPageParam: null as string | null,
      getNextPageParam: (last) => last.next_cursor,
      placeholderData: keepPreviousData,
    }),
};

const nothingMeant: RowsMeant = {
  ids: null,
  source: null,
  account_id: null,
  stream: null,
  rule: null,
  reason: null,
};

/** Asks for another try of waiting rows, without asking the marketplace. */
export const replayRows = (meant: Partial<RowsMeant>) =>
  read(client.POST("/api/v1/quarantine/replay", { body: { ...nothingMeant, ...meant } }));

export const dropRows = (meant: Partial<RowsMeant>, reason: string) =>
  read(client.POST("/api/v1/quarantine/drop", { body: { ...nothingMeant, ...meant, reason } }));

export const restoreRows = (meant: Partial<RowsMeant>) =>
  read(client.POST("/api/v1/quarantine/restore", { body: { ...nothingMeant, ...meant } }));

/** Mends a row; refused with its reader's words where it still does not fit. */
export const fixRow = (id: number, row: string) =>
  read(client.POST("/api/v1/quarantine/rows/{row_id}/fix", { params: { path: { row_id: id } }, body: { row } }));

/** Asks for a sync of one source, or of all that are configured. */
export const startSync = (source: string | null) =>
  read(client.POST("/api/v1/sync/runs", { body: { source, streams: null, full: false } }));

export const startBackfill = (asked: BackfillRequest) => read(client.POST("/api/v1/sync/backfills", { body: asked }));

/** Tests a key that is not stored; null: the one in the settings. It may take a minute at slow limits. */
export const testKey = (name: string, values: Record<string, string> | null) =>
  read(
    client.POST("/api/v1/sources/{name}/test-key", {
      params: { path: { name } },
      ...(values ? { body: values } : {}),
      fetch: (request: Request) => globalThis.fetch(request),
    }),
  );

export const startReconciliation = () =>
  read(client.POST("/api/v1/reconciliations", { body: { source: null, first_day: null, end_day: null } }));

export const createBackup = () => read(client.POST("/api/backup/create"));

export const stopRun = (id: number) =>
  read(client.POST("/api/v1/sync/runs/{run_id}/stop", { params: { path: { run_id: id } } }));
