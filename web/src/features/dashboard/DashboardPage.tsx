/** The first page: can I trust this, what does it cost me, what do I look at now. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { queries } from "@/api/queries";
import type { Dashboard, Meta } from "@/api/types";
import { Bone, Bones, RowBones } from "@/components/states/Bones";
import { ErrorState } from "@/components/states/ErrorState";
import { NotYet } from "@/components/setup/NotYet";
import { CategoryPanel } from "@/features/dashboard/CategoryPanel";
import { shownStatuses, useExceptions } from "@/features/dashboard/exceptions";
import { ExceptionsPanel } from "@/features/dashboard/ExceptionsPanel";
import { Notices } from "@/features/dashboard/Notices";
import { Strip } from "@/features/dashboard/Strip";
import "@/features/dashboard/dashboard.css";
import { useI18n } from "@/i18n";
import { useTitle } from "@/lib/hooks";
import { decisionStatuses, withKnown, type DashboardSearch, type DecisionStatus } from "@/lib/url-state";

export function DashboardPage() {
  const { t } = useI18n();
  useTitle(t.home.tab);
  const meta = useQuery(queries.meta());
  const dashboard = useQuery(queries.dashboard());
  if (dashboard.data && meta.data) {
    if (dashboard.data.freshness === "never") {
      return (
        <div className="page">
          <div className="page-head">
            <h1>{t.home.title}</h1>
          </div>
          <NotYet />
        </div>
      );
    }
    return <Ready dashboard={dashboard.data} meta={meta.data} />;
  }
  return (
    <div className="page">
      <div className="page-head">
        <h1>{t.home.title}</h1>
      </div>
      {dashboard.error ? <ErrorState error={dashboard.error} onRetry={() => void dashboard.refetch()} /> : <Loading />}
    </div>
  );
}

function Ready({ dashboard, meta }: { dashboard: Dashboard; meta: Meta }) {
  const { t } = useI18n();
  const search = withKnown(useSearch({ from: "/" }), meta.sources);
  const navigate = useNavigate({ from: "/" });
  const exceptions = useExceptions(dashboard, search);
  const statuses = shownStatuses(search);

  /** Showing all of a category that the filter hides would show nothing; the filter then lets it in. */
  const setWhole = (status: DecisionStatus, whole: boolean) =>
    void navigate({
      search: ({ all = [], status: filter, ...rest }: DashboardSearch) => {
        const next = decisionStatuses.filter((one) => (one === status ? whole : all.includes(one)));
        const wider =
          filter && whole ? decisionStatuses.filter((one) => one === status || filter.includes(one)) : filter;
        return {
          ...rest,
          ...(wider && wider.length < decisionStatuses.length ? { status: wider } : {}),
          ...(next.length > 0 ? { all: next } : {}),
        };
      },
      replace: true,
      resetScroll: false,
    });

  return (
    <div className="page">
      <div className="page-head">
        <h1>{t.home.title}</h1>
        <span className="dim">{t.home.summary(dashboard.need_decision, dashboard.products)}</span>
      </div>
      <Notices dashboard={dashboard} />
      <Strip dashboard={dashboard} />
      <div className="cats">
        {decisionStatuses.map((status) => {
          const category = dashboard.categories.find((one) => one.status === status);
          if (!category) return null;
          return (
            <CategoryPanel
              key={status}
              status={status}
              category={category}
              {...exceptions.counted(status)}
              whole={search.all?.includes(status) ?? false}
              onWhole={(whole) => setWhole(status, whole)}
              alone={statuses.length === 1 && statuses[0] === status}
            />
          );
        })}
      </div>
      <ExceptionsPanel dashboard={dashboard} meta={meta} search={search} exceptions={exceptions} />
    </div>
  );
}

function Loading() {
  return (
    <Bones>
      <div className="panel strip">
        {[0, 1, 2, 3].map((cell) => (
          <div key={cell} className="bone-cell">
            <Bone width="45%" />
            <Bone width="70%" height={24} />
            <Bone width="55%" />
          </div>
        ))}
      </div>
      <div className="cats">
        {decisionStatuses.map((status) => (
          <div key={status} className="panel">
            <Bone width="40%" height={16} />
            <Bone width="30%" height={28} />
            <Bone width="80%" />
          </div>
        ))}
      </div>
      <div className="panel">
        <RowBones />
      </div>
    </Bones>
  );
}
