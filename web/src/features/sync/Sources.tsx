/** The registered sources: read or left out, and why; when next, and how old their stock is. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { queries, startSync } from "@/api/queries";
import type { Run, SourceOverview } from "@/api/types";
import { Fragment } from "react";
import { Notice } from "@/components/states/Notice";
import { BusyButton } from "@/components/ui/BusyButton";
import type { IconName } from "@/components/ui/Icon";
import { State } from "@/components/ui/Status";
import { canExplain, KeyHelp } from "@/components/setup/KeyHelp";
import { scheduleWords } from "@/features/sync/words";
import { useI18n } from "@/i18n";
import { useNow } from "@/lib/hooks";
import type { Status } from "@/lib/url-state";

interface Fact {
  text: string;
  at?: string;
}

function SourceState({ source }: { source: SourceOverview }) {
  const { t } = useI18n();
  const [icon, tone, text]: [IconName, Status, string] = !source.configured
    ? ["plug", "unknown", t.sync.notConfigured]
    : source.freshness === "fresh"
      ? ["ok", "normal", t.sync.fresh]
      : source.freshness === "stale"
        ? ["clock", "low", t.sync.staleState]
        : ["wait", "unknown", t.sync.never];
  return (
    <State icon={icon} tone={tone}>
      {text}
    </State>
  );
}

/** A key that ends soon, has ended or is refused, with what to do. */
function KeyWarning({ source }: { source: SourceOverview }) {
  const { t } = useI18n();
  const key = source.key;
  if (!key || (key.problem === null && !key.expires_soon)) return null;
  const left = key.days_left ?? 0;
  const title = key.problem !== null ? t.keys.dead : left < 0 ? t.keys.expired : t.keys.expiresSoon(t.days(left));
  const settings = `MICORE_${source.source.toUpperCase().replaceAll("-", "_")}_…`;
  return (
    <Notice tone={key.problem !== null || left < 0 ? "critical" : "low"} title={title}>
      {key.problem !== null && <span lang="en">{key.problem} </span>}
      {t.keys.newKey(settings)}
    </Notice>
  );
}

interface SourceProps {
  source: SourceOverview;
  run: Run | undefined;
  /** Another one is set up: how to add this one is told on request only. */
  others: boolean;
  /** One source has no button of its own: the page's button means the same. */
  alone: boolean;
}

function Source({ source, run, others, alone }: SourceProps) {
  const { t, f } = useI18n();
  const now = useNow();
  const cache = useQueryClient();
  const start = useMutation({
    mutationFn: () => startSync(source.source),
    onSuccess: () => cache.invalidateQueries({ queryKey: queries.sync().queryKey }),
  });
  const clock = (at: string) => f.zonedClock(at, now);
  const { as_of, schedule, next_run_at, last_success_at } = source;
  const facts = [
    as_of !== null && { text: t.sync.asOf(clock(as_of)), at: as_of },
    source.configured && { text: schedule ? scheduleWords(t, schedule) : t.sync.noSchedule },
    next_run_at !== null && { text: t.sync.next(clock(next_run_at)), at: next_run_at },
    last_success_at !== null && { text: t.sync.lastSuccess(clock(last_success_at)), at: last_success_at },
  ].filter((fact): fact is Fact => fact !== false);
  return (
    <li className="source">
      <div className="grow">
        <p className="source-name">
          <b>{source.title}</b>
          {source.account && source.account !== source.title && (
            <span className="dim">{t.sync.account(source.account)}</span>
          )}
          <SourceState source={source} />
        </p>
        {facts.length > 0 && (
          <p className="dim">
            {facts.map(({ text, at }, index) => (
              <Fragment key={text}>
                {index > 0 && " · "}
                {at ? (
                  <time dateTime={at} title={f.exact(at)}>
                    {text}
                  </time>
                ) : (
                  text
                )}
              </Fragment>
            ))}
          </p>
        )}
        {!source.configured && canExplain(source.source) && (
          <details className="setup-more" open={!others}>
            <summary className="link">{t.setup.title(source.title)}</summary>
            <KeyHelp source={source.source} />
          </details>
        )}
        <KeyWarning source={source} />
        {source.reason && (
          <p className="reason-text" lang="en">
            {source.reason}
          </p>
        )}
        {start.error && <p className="reason-text">{start.error.message}</p>}
      </div>
      {source.configured && !alone && (
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
  const configured = sources.filter((source) => source.configured).length;
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
            others={configured > 0}
            alone={configured === 1}
            run={running.find(
              (run) =>
                run.kind === "sync" &&
                run.source === source.source &&
                (!source.account || run.account === source.account),
            )}
          />
        ))}
      </ul>
    </section>
  );
}
