/** The sync page: is it working, and if not, what is missing. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { queries, startSync } from "@/api/queries";
import { Bone, Bones, RowBones } from "@/components/states/Bones";
import { ErrorState } from "@/components/states/ErrorState";
import { Notice } from "@/components/states/Notice";
import { BusyButton } from "@/components/ui/BusyButton";
import { BackfillDialog } from "@/features/sync/BackfillDialog";
import { LiveRun } from "@/features/sync/LiveRun";
import { Runs } from "@/features/sync/Runs";
import { Sources } from "@/features/sync/Sources";
import "@/features/sync/sync.css";
import { scheduleWords } from "@/features/sync/words";
import { useI18n } from "@/i18n";
import { useTitle } from "@/lib/hooks";

export function SyncPage() {
  const { t, f } = useI18n();
  const [past, setPast] = useState(false);
  useTitle(t.sync.title);
  const { findings = false } = useSearch({ from: "/sync" });
  const navigate = useNavigate({ from: "/sync" });
  const cache = useQueryClient();
  const overview = useQuery(queries.sync());
  const start = useMutation({
    mutationFn: () => startSync(null),
    onSuccess: () => cache.invalidateQueries({ queryKey: queries.sync().queryKey }),
  });
  const waiting = useQuery(queries.quarantineCount()).data?.waiting ?? 0;
  const sources = overview.data?.sources ?? [];
  const running = overview.data?.running ?? [];
  const configured = sources.filter((source) => source.configured);
  const scheduled = configured.filter((source) => source.schedule !== null);
  const summary = scheduled.map((source) => t.sync.summary(source.title, scheduleWords(t, source.schedule ?? "")));
  const allRunning =
    configured.length > 0 &&
    configured.every((source) => running.some((run) => run.kind === "sync" && run.source === source.source));
  return (
    <div className="page">
      <div className="page-head">
        <h1>{t.sync.title}</h1>
        <span className="dim hide-s">{t.list(summary)}</span>
        <span className="grow" />
        <Link to="/sources" className="btn">
          {t.keys.open}
        </Link>
        <Link to="/backups" className="btn">
          {t.backups.title}
        </Link>
        {waiting > 0 && (
          <Link className="btn" to="/quarantine">
            {t.colon(t.quarantine.title)} {t.quarantine.waiting(waiting)}
          </Link>
        )}
        {configured.length > 0 && (
          <Link className="btn" to="/reconcile">
            {t.past.compare.open}
          </Link>
        )}
        {configured.length > 0 && (
          <button type="button" className="btn" onClick={() => setPast(true)}>
            {t.past.open}
          </button>
        )}
        {configured.length > 0 && (
          <BusyButton
            className="primary"
            icon="sync"
            busy={start.isPending || allRunning}
            onClick={() => start.mutate()}
          >
            {t.sync.now}
          </BusyButton>
        )}
      </div>
      {past && <BackfillDialog sources={configured} today={f.shopDay(new Date())} onClose={() => setPast(false)} />}
      {start.error && <Notice tone="critical" role="alert" title={start.error.message} />}
      {running.map((run) => (
        <LiveRun key={run.id} run={run} />
      ))}
      {overview.error && !overview.data ? (
        <ErrorState error={overview.error} onRetry={() => void overview.refetch()} />
      ) : overview.data ? (
        <Sources sources={sources} running={running} />
      ) : (
        <Bones>
          <div className="panel">
            <Bone width="30%" />
            <RowBones rows={2} />
          </div>
        </Bones>
      )}
      <Runs
        findings={findings}
        onFindings={(next) =>
          void navigate({ search: next ? { findings: true } : {}, replace: true, resetScroll: false })
        }
      />
    </div>
  );
}
