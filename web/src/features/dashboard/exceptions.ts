/** Which rows the exceptions table holds: each category's top ten or all of it, under the filters, worst first. */
import { useInfiniteQuery, useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { queries } from "@/api/queries";
import type { Dashboard, ProductRow } from "@/api/types";
import { mergeInto } from "@/components/product-list/order";
import { decisionStatuses, type DashboardSearch, type DecisionStatus, type Sort } from "@/lib/url-state";

const topRows = 10;
/** What runs out comes before what lies still, each by money: sales lost today and stock at price do not compare. */
export const defaultSort: Sort = "status";
const topSort: Sort = "-effect";

interface Exceptions {
  rows: readonly ProductRow[];
  /** How many the filters leave, over the categories shown; null until it is known. */
  total: number | null;
  generation: number;
  loading: boolean;
  waiting: boolean;
  error: Error | null;
  retry: () => void;
  more: (() => void) | null;
  /** How many of a category the table holds, and out of how many. */
  counted: (status: DecisionStatus) => { shown: number; of: number };
}

/** Categories the status filter leaves. */
export const shownStatuses = (search: DashboardSearch): readonly DecisionStatus[] => search.status ?? decisionStatuses;

export function useExceptions(dashboard: Dashboard, search: DashboardSearch): Exceptions {
  const { marketplace, place, all } = search;
  const sort = search.sort ?? defaultSort;
  const narrowed = marketplace !== undefined || place !== undefined;
  const statuses = shownStatuses(search);
  const whole = useMemo(() => statuses.filter((status) => all?.includes(status)), [statuses, all]);
  const tops = useMemo(() => statuses.filter((status) => !all?.includes(status)), [statuses, all]);
  const narrow = { ...(marketplace ? { marketplace } : {}), ...(place ? { place } : {}) };

  // The answer of the dashboard holds the top tens already; only filters ask for others, and for their counts.
  const asked = useQueries({
    queries: decisionStatuses.map((status) => ({
      ...queries.top({ ...narrow, status: [status], sort: topSort }, topRows),
      enabled: narrowed,
    })),
    combine: (results) => ({
      pages: new Map(decisionStatuses.map((status, index) => [status, results[index]?.data])),
      loading: results.some((result) => result.isLoading),
      waiting: results.some((result) => result.isPlaceholderData),
      error: results.find((result) => result.error)?.error ?? null,
      retry: () => results.forEach((result) => void result.refetch()),
    }),
  });
  const list = useInfiniteQuery({ ...queries.products({ ...narrow, status: whole, sort }), enabled: whole.length > 0 });

  const pages = whole.length > 0 ? list.data?.pages : undefined;
  const complete = whole.length === 0 || (pages !== undefined && !list.hasNextPage);
  const rows = useMemo(() => {
    const single = narrowed
      ? tops.flatMap((status) => asked.pages.get(status)?.items ?? [])
      : tops.flatMap((status) => dashboard.top[status] ?? []);
    const ordered = pages?.flatMap((page) => page.items) ?? [];
    return mergeInto(ordered, single, sort, complete);
  }, [narrowed, asked.pages, dashboard.top, pages, sort, complete, tops]);

  const countOf = (status: DecisionStatus) =>
    narrowed
      ? asked.pages.get(status)?.total
      : (dashboard.categories.find((category) => category.status === status)?.products ?? 0);
  const totals = statuses.map(countOf);
  const total = totals.every((one) => one !== undefined) ? totals.reduce((sum, one) => sum + one, 0) : null;
  const answered = pages?.[0] ?? (narrowed ? asked.pages.get("critical") : undefined) ?? dashboard;

  return {
    rows,
    total,
    generation: answered.generation,
    loading: asked.loading || (whole.length > 0 && list.isLoading),
    waiting: asked.waiting || (whole.length > 0 && list.isPlaceholderData),
    error: asked.error ?? (whole.length > 0 ? list.error : null),
    retry: () => {
      asked.retry();
      if (whole.length > 0) void list.refetch();
    },
    more: whole.length > 0 && list.hasNextPage && !list.isFetching ? () => void list.fetchNextPage() : null,
    counted: (status) => {
      const of = countOf(status) ?? 0;
      return { shown: all?.includes(status) ? of : Math.min(topRows, of), of };
    },
  };
}
