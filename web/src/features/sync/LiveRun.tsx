/** A run under way: how far it is, what it has read, stream by stream. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { queries, stopRun } from "@/api/queries";
import type { Run, StreamRun, StreamState } from "@/api/types";
import { BusyButton } from "@/components/ui/BusyButton";
import { Icon, type IconName } from "@/components/ui/Icon";
import { Meter } from "@/components/ui/Meter";
import { daysOf, readingStream, streamName } from "@/features/sync/words";
import { useI18n } from "@/i18n";
import { useNow } from "@/lib/hooks";
import { sourceTitle } from "@/lib/names";

const marks: Record<StreamState, [IconName, string]> = {
  waiting: ["wait", "dim"],
  running: ["spin", "run"],
  done: ["check", "normal"],
  held: ["alert", "low"],
  failed: ["error", "critical"],
  skipped: ["skip", "dim"],
};

/** Share that is read, 0 to 1; null where nobody can tell. */
function share(stream: StreamRun): number | null {
  if (stream.state === "done") return 1;
  if (stream.windows) return Math.min(0.99, (stream.windows_done ?? 0) / stream.windows);
  if (!stream.expected_rows) return null;
  // The source may have grown since it was counted; the stream itself says when it is done.
  return Math.min(0.99, stream.rows_read / stream.expected_rows);
}

export function Rejected({ count }: { count: number }) {
  const { f } = useI18n();
  if (count === 0) return f.number(0);
  return (
    <span className="status low">
      <Icon name="alert" />
      {f.number(count)}
    </span>
  );
}

function Stream({ stream, now }: { stream: StreamRun; now: Date }) {
  const { t, f } = useI18n();
  const [icon, tone] = marks[stream.state];
  const part = share(stream);
  const waits = stream.state === "waiting" || stream.state === "skipped";
  const number = (value: number) => (waits ? <span className="dim">–</span> : f.number(value));
  const seconds = stream.started_at
    ? ((stream.finished_at ? new Date(stream.finished_at) : now).getTime() - new Date(stream.started_at).getTime()) /
      1000
    : null;
  const name = streamName(t, stream.stream);
  const percent = part === null ? null : Math.round(part * 100);
  return (
    <>
      <tr role="row" className={waits ? "wait" : stream.state}>
        <th scope="row" className="s-name strong">
          {name}
        </th>
        <td className="s-state">
          <span className={`state ${tone}`}>
            <Icon name={icon} className={stream.state === "running" ? "spin" : ""} />
            {t.sync.streamState[stream.state]}
          </span>
        </td>
        <td className="s-prog">
          <div className="prog">
            {stream.state === "running" ? (
              <Meter percent={percent} label={name} />
            ) : (
              <div className={`meter ${stream.state === "done" ? "done" : ""}`} aria-hidden="true">
                <i style={{ width: `${percent ?? 0}%` }} />
              </div>
            )}
            <span className="num">{waits ? <span className="dim">–</span> : f.percent(part)}</span>
          </div>
        </td>
        <td className="num" data-label={t.sync.read}>
          {number(stream.rows_read)}
        </td>
        <td className="num" data-label={t.sync.loaded}>
          {number(stream.rows_loaded)}
        </td>
        <td className="num" data-label={t.sync.unchanged}>
          {number(stream.rows_unchanged)}
        </td>
        <td className="num" data-label={t.sync.rejected}>
          {waits ? <span className="dim">–</span> : <Rejected count={stream.rows_rejected} />}
        </td>
        <td className="num s-dur">{seconds === null ? "–" : t.duration(Math.max(0, seconds))}</td>
      </tr>
      {stream.windows !== null && stream.state === "running" && (
        <tr role="row" className="stream-note">
          <td colSpan={8}>{t.past.windows((stream.windows_done ?? 0) + 1, stream.windows)}</td>
        </tr>
      )}
      {stream.message && (
        <tr role="row" className="stream-note">
          <td colSpan={8}>{stream.message}</td>
        </tr>
      )}
    </>
  );
}

/** Why nothing moves for a while: the marketplace lets nobody ask before. */
function Waiting({ run, now }: { run: Run; now: Date }) {
  const { t, f } = useI18n();
  const until = run.waits_until;
  if (!until || new Date(until) <= now) return null;
  return (
    <p className="run-waits" role="status">
      <Icon name="wait" />
      <span>{t.sync.waitsForLimit(sourceTitle(run.source), f.timeWithSeconds(until))}</span>
    </p>
  );
}

function useTitleWords(run: Run): string {
  const { t, f } = useI18n();
  const source = sourceTitle(run.source);
  const days = daysOf(f, run);
  if (days) return run.state === "queued" ? t.past.waits(source, days) : t.past.reading(source, days);
  if (run.state === "queued") return t.sync.queued(source);
  const current = run.streams.find((stream) => stream.state === "running");
  return current ? t.sync.reading(source, readingStream(t, current.stream)) : t.sync.starting(source);
}

function Stats({ run }: { run: Run }) {
  const { t, f } = useI18n();
  const left =
    run.eta_seconds === null ? (
      <span className="dim">{t.sync.leftUnknown}</span>
    ) : (
      t.sync.about(t.duration(Math.max(1, run.eta_seconds)))
    );
  const facts: [string, React.ReactNode][] = [
    [t.sync.read, f.number(run.rows_read)],
    [t.sync.loaded, f.number(run.rows_loaded)],
    [t.sync.unchanged, f.number(run.rows_unchanged)],
    [t.sync.rejected, <Rejected key="rejected" count={run.rows_rejected} />],
    [t.sync.rate, run.rows_per_second === null ? "–" : f.number(Math.round(run.rows_per_second))],
    [t.sync.left, left],
  ];
  return (
    <div className="run-stats">
      {facts.map(([name, value]) => (
        <div key={name}>
          <p className="k">{name}</p>
          <p className="v">{value}</p>
        </div>
      ))}
    </div>
  );
}

function Streams({ run, now }: { run: Run; now: Date }) {
  const { t } = useI18n();
  return (
    <div className="scroll">
      <table role="table" className="data compact streams">
        <caption className="sr">{t.sync.streamsCaption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            <th scope="col">{t.sync.stream}</th>
            <th scope="col">{t.sync.state}</th>
            <th scope="col" className="s-prog">
              {t.sync.progressHead}
            </th>
            <th scope="col" className="num">
              {t.sync.read}
            </th>
            <th scope="col" className="num">
              {t.sync.loaded}
            </th>
            <th scope="col" className="num">
              {t.sync.unchanged}
            </th>
            <th scope="col" className="num">
              {t.sync.rejected}
            </th>
            <th scope="col" className="num">
              {t.sync.time}
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {run.streams.map((stream) => (
            <Stream key={stream.stream} stream={stream} now={now} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

const isOver = ({ state }: StreamRun) => state !== "waiting" && state !== "running";

export function LiveRun({ run }: { run: Run }) {
  const { t, f } = useI18n();
  const now = useNow(1000);
  const cache = useQueryClient();
  const { data: dashboard } = useQuery(queries.dashboard());
  const stop = useMutation({
    mutationFn: () => stopRun(run.id),
    onSuccess: () => cache.invalidateQueries({ queryKey: queries.sync().queryKey }),
  });
  const title = useTitleWords(run);
  const id = `run-${run.id}`;
  const percent = run.progress === null ? null : Math.round(run.progress * 100);
  const started = run.started_at ?? run.created_at;
  const step = Math.min(run.streams.length, run.streams.filter(isOver).length + 1);
  return (
    <section className="panel list" aria-labelledby={id}>
      <div className="run-head">
        <div className="grow">
          <h2 id={id}>{title}</h2>
          <p>
            <time dateTime={started} title={f.exact(started)}>
              {t.sync.startedAt(f.timeWithSeconds(started))}
            </time>{" "}
            {t.sync.byTrigger[run.trigger]}.{" "}
            {run.kind === "backfill"
              ? t.past.goesOn
              : dashboard?.as_of
                ? t.sync.keeps(f.zonedClock(dashboard.as_of, now))
                : t.sync.firstTime}
          </p>
        </div>
        <BusyButton icon="stop" busy={stop.isPending || stop.isSuccess} onClick={() => stop.mutate()}>
          {stop.isPending || stop.isSuccess ? t.sync.stopping : t.sync.stop}
        </BusyButton>
      </div>
      <Waiting run={run} now={now} />
      <div className="run-meter">
        <Meter percent={percent} label={t.sync.progress} />
        {percent === null && run.streams.length > 0 && (
          <p className="k">
            {t.sync.step(step, run.streams.length)}. {t.sync.noProgress}.
          </p>
        )}
      </div>
      <Stats run={run} />
      {run.streams.length > 0 && <Streams run={run} now={now} />}
    </section>
  );
}
