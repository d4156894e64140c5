/** What a reader must know before trusting the figures: old, or not all of them. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { queries, startSync } from "@/api/queries";
import type { Dashboard, Run, SourceFreshness } from "@/api/types";
import { Notice } from "@/components/states/Notice";
import { BusyButton } from "@/components/ui/BusyButton";
import { Meter } from "@/components/ui/Meter";
import { useI18n } from "@/i18n";
import { isStale } from "@/lib/freshness";
import { useNow } from "@/lib/hooks";
import { accountTitle } from "@/lib/names";

function TryNow({ source }: { source: string }) {
  const { t } = useI18n();
  const cache = useQueryClient();
  const start = useMutation({
    mutationFn: () => startSync(source),
    onSuccess: () => cache.invalidateQueries({ queryKey: queries.sync().queryKey }),
  });
  return (
    <BusyButton className="small" icon="sync" busy={start.isPending} onClick={() => start.mutate()}>
      {start.isSuccess ? t.sync.asked : t.notice.tryNow}
    </BusyButton>
  );
}

interface ReadingProps {
  source: SourceFreshness;
  title: string;
  run: Run;
}

/** Old or missing figures that are on their way: how far, and nothing to press. */
function ReadingNotice({ source, title, run }: ReadingProps) {
  const { t, f } = useI18n();
  const now = useNow();
  const percent = run.progress === null ? null : Math.round(run.progress * 100);
  return (
    <Notice
      tone="busy"
      title={t.notice.readingTitle(title)}
      action={
        <Link className="btn small" to="/sync">
          {t.empty.openSync}
        </Link>
      }
    >
      {source.as_of === null ? t.notice.readingFirst : t.notice.readingText(f.zonedClock(source.as_of, now))}
      <span className="notice-meter">
        <Meter percent={percent} label={t.sync.progress} />
        <span className="dim">{t.rows(run.rows_read)}</span>
      </span>
    </Notice>
  );
}

interface StaleProps {
  source: SourceFreshness & { as_of: string };
  title: string;
  current: string[];
}

function StaleNotice({ source, title, current }: StaleProps) {
  const { t, f } = useI18n();
  const now = useNow();
  return (
    <Notice
      tone="low"
      title={t.notice.staleTitle(t.duration(f.minutesSince(source.as_of, now) * 60))}
      action={<TryNow source={source.source} />}
    >
      {t.notice.staleText(title, f.zonedClock(source.as_of, now))}{" "}
      {source.last_error && t.notice.reason(source.last_error)} {current.length > 0 && t.notice.others(t.list(current))}
    </Notice>
  );
}

export function Notices({ dashboard }: { dashboard: Dashboard }) {
  const { t } = useI18n();
  const now = useNow();
  const { data: overview } = useQuery(queries.sync());
  const { sources } = dashboard;
  const runOf = (source: SourceFreshness) => {
    const alone = sources.filter((other) => other.source === source.source).length === 1;
    return overview?.running.find(
      (run) => run.source === source.source && (alone || run.account === source.name || run.account === ""),
    );
  };
  const titleOf = (source: SourceFreshness) => accountTitle(source, sources);
  const current = sources.filter((source) => source.as_of !== null && !isStale(source, now)).map(titleOf);
  const known = sources.filter((source) => source.as_of !== null).map(titleOf);
  return sources.map((source) => {
    const run = runOf(source);
    if (run && (source.as_of === null || isStale(source, now))) {
      return <ReadingNotice key={source.account_id} source={source} title={titleOf(source)} run={run} />;
    }
    if (source.as_of === null) {
      return (
        <Notice
          key={source.account_id}
          tone="low"
          title={t.notice.partialTitle(titleOf(source))}
          action={<TryNow source={source.source} />}
        >
          {source.last_error && t.notice.reason(source.last_error)} {t.notice.partialText(t.list(known))}
        </Notice>
      );
    }
    if (!isStale(source, now)) return null;
    return (
      <StaleNotice
        key={source.account_id}
        title={titleOf(source)}
        source={{ ...source, as_of: source.as_of }}
        current={current}
      />
    );
  });
}
