/** The registered sources: read or left out, and why; when next, and how old their stock is. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { queries, startSync } from "@/api/queries";
import type { Run, SourceOverview } from "@/api/types";
import { BusyButton } from "@/components/ui/BusyButton";
import { Shape } from "@/components/ui/Status";
import { scheduleWords } from "@/features/sync/words";
import { useI18n } from "@/i18n";
import { useNow } from "@/lib/hooks";
import type { Status } from "@/lib/url-state";

function SourceState({ source }: { source: SourceOverview }) {
  const { t } = useI18n();
  const [status, text]: [Status, string] = !source.configured
    ? ["unknown", t.sync.notConfigured]
    : source.freshness === "fresh"
      ? ["normal", t.sync.fresh]
      : source.freshness === "stale"
        ? ["low", t.sync.staleState]
        : ["unknown", t.sync.never];
  return (
    <span className={`status pill ${status}`}>
      <Shape status={status} />
      {text}
    </span>
  );
}

function Source({ source, run }: { source: SourceOverview; run: Run | undefined }) {
  const { t, f } = useI18n();
  const now = useNow();
  const cache = useQueryClient();
  const start = useMutation({
    mutationFn: () => startSync(source.source),
    onSuccess: () => cache.invalidateQueries({ queryKey: queries.sync().queryKey }),
  });
  const facts = [
    source.as_of && t.sync.asOf(f.clock(source.as_of, now)),
    source.configured && (source.schedule ? scheduleWords(t, source.schedule) : t.sync.noSchedule),
    source.next_run_at && t.sync.next(f.clock(source.next_run_at, now)),
    source.last_success_at && t.sync.lastSuccess(f.clock(source.last_success_at, now)),
  ].filter((fact): fact is string => typeof fact === "string" && fact !== "");
  return (
    <li className="source">
      <div className="grow">
        <p className="source-name">
          <b>{source.title}</b>
          {source.account && source.account !== source.title && <span className="dim">{source.account}</span>}
          <SourceState source={source} />
        </p>
        {facts.length > 0 && <p className="dim">{facts.join(" · ")}</p>}
        {source.reason && (
          <p className="reason-text" lang="en">
            {source.reason}
          </p>
        )}
        {start.error && <p className="reason-text">{start.error.message}</p>}
      </div>
      {source.configured && (
        <BusyButton
          className="small"
          icon="sync"
          busy={start.isPending || run !== undefined}
          label={t.sync.nowSource(source.title)}
          onClick={() => start.mutate()}
        >
          {t.sync.now}
        </BusyButton>
      )}
    </li>
  );
}

export function Sources({ sources, running }: { sources: readonly SourceOverview[]; running: readonly Run[] }) {
  const { t } = useI18n();
  return (
    <section className="panel" aria-labelledby="sources-title">
      <div className="panel-head">
        <h2 id="sources-title">{t.sync.sources}</h2>
      </div>
      <ul className="sources-list">
        {sources.map((source) => (
          <Source
            key={`${source.source} ${source.account ?? ""}`}
            source={source}
            run={running.find(
              (run) => run.source === source.source && (!source.account || run.account === source.account),
            )}
          />
        ))}
      </ul>
    </section>
  );
}
