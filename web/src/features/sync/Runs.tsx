/** Earlier runs, newest first; what went wrong stands open under its run, with its remedy. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Fragment } from "react";
import { hasEnded } from "@/api/live";
import { queries } from "@/api/queries";
import type { Run, RunState, StreamRun } from "@/api/types";
import { Bones, RowBones } from "@/components/states/Bones";
import { Center } from "@/components/states/Center";
import { ErrorState } from "@/components/states/ErrorState";
import { Notice } from "@/components/states/Notice";
import { Segmented } from "@/components/ui/Segmented";
import type { IconName } from "@/components/ui/Icon";
import { State } from "@/components/ui/Status";
import { Rejected } from "@/features/sync/LiveRun";
import { daysOf, findingWords, streamName } from "@/features/sync/words";
import { useI18n } from "@/i18n";
import { useNow } from "@/lib/hooks";
import { sourceTitle } from "@/lib/names";
import type { Status } from "@/lib/url-state";

const marks: Record<RunState, [IconName, Status]> = {
  queued: ["wait", "unknown"],
  running: ["sync", "unknown"],
  done: ["ok", "normal"],
  gaps: ["alert", "low"],
  failed: ["error", "critical"],
  stopped: ["stop", "unknown"],
};

const found = (run: Run) => run.streams.some((stream) => stream.findings.length > 0);

/** What a person should know about a run, the run's own words first; null when all is well. */
function useFinding(run: Run): { title: string; lines: string[] } | null {
  const { t, f } = useI18n();
  const findings = run.streams.flatMap((stream) =>
    stream.findings.map((finding) => findingWords(t, f, stream.stream, finding)),
  );
  if (run.state === "done" && run.rows_rejected === 0 && !run.message && findings.length === 0) return null;
  // What a finding says in the reader's language is not said again in the server's.
  const told = (stream: StreamRun) => stream.findings.some((finding) => stream.message?.includes(finding.message));
  const streams = run.streams.flatMap((stream) => {
    const said =
      told(stream) || stream.message === null ? (stream.state === "held" ? t.sync.heldText : null) : stream.message;
    return said === null ? [] : [`${t.colon(streamName(t, stream.stream))} ${said}`];
  });
  const said = run.streams.some(told) ? null : run.message;
  const title =
    said ??
    (run.rows_rejected > 0
      ? t.sync.rejectedText(run.rows_rejected)
      : run.state === "stopped"
        ? t.sync.stoppedText
        : (findings[0] ?? null));
  if (title === null && streams.length === 0) return null;
  // A stream's words that the run repeats are said once.
  const lines = [...findings, ...streams].filter((line) => !title || (line !== title && !line.includes(title)));
  return {
    title: title ?? t.sync.runState[run.state],
    lines: [...lines, ...(run.remedy === null ? [] : [run.remedy])],
  };
}

function RunRow({ run }: { run: Run }) {
  const { t, f } = useI18n();
  const now = useNow();
  const finding = useFinding(run);
  const days = daysOf(f, run);
  const fresh = run.streams.reduce((sum, stream) => sum + (stream.rows_new ?? 0), 0);
  const [icon, tone] = marks[run.state];
  const noticeTone =
    tone === "critical" || tone === "low" ? tone : run.rows_rejected > 0 || found(run) ? "low" : "unknown";
  const started = run.started_at ?? run.created_at;
  const seconds = run.finished_at ? (new Date(run.finished_at).getTime() - new Date(started).getTime()) / 1000 : null;
  return (
    <Fragment>
      <tr role="row" className={finding ? "told" : ""}>
        <th scope="row" className="s-name">
          <span className="strong" title={run.account}>
            {sourceTitle(run.source)}
          </span>
          <span className="sub">
            <time dateTime={started} title={f.exact(started)}>
              {f.clock(started, now)}
            </time>
            {run.full && ` · ${t.sync.full}`}
            {days && ` · ${t.past.range(days)}`}
            {run.kind === "replay" && ` · ${t.quarantine.replayRun}`}
          </span>
        </th>
        <td className="s-state">
          <State icon={icon} tone={tone}>
            {t.sync.runState[run.state]}
          </State>
        </td>
        <td className="s-by dim">{t.sync.trigger[run.trigger]}</td>
        <td className="num" data-label={t.sync.read}>
          {f.number(run.rows_read)}
        </td>
        <td className="num" data-label={t.sync.loaded}>
          {f.number(run.rows_loaded)}
          {days && <span className="sub">{t.past.found(fresh, run.rows_loaded - fresh)}</span>}
        </td>
        <td className="num" data-label={t.sync.unchanged}>
          {f.number(run.rows_unchanged)}
        </td>
        <td className="num" data-label={t.sync.rejected}>
          <Rejected count={run.rows_rejected} />
        </td>
        <td className="num s-dur">{seconds === null ? "–" : t.duration(Math.max(0, seconds))}</td>
      </tr>
      {finding && (
        <tr role="row" className="reason">
          <td colSpan={8}>
            <Notice
              tone={noticeTone}
              icon={noticeTone === "unknown" ? icon : undefined}
              title={finding.title}
              action={
                run.rows_rejected > 0 && (
                  <Link className="btn small" to="/quarantine">
                    {t.quarantine.see}
                  </Link>
                )
              }
            >
              {finding.lines.map((line) => (
                <span className="said-line" key={line}>
                  {line}
                </span>
              ))}
            </Notice>
          </td>
        </tr>
      )}
    </Fragment>
  );
}

interface Props {
  findings: boolean;
  onFindings: (findings: boolean) => void;
}

export function Runs({ findings, onFindings }: Props) {
  const { t } = useI18n();
  const list = useInfiniteQuery(queries.runs(findings));
  const runs = list.data?.pages.flatMap((page) => page.items).filter(hasEnded);
  return (
    <section className="panel list" aria-labelledby="runs-title">
      <div className="panel-head">
        <h2 id="runs-title">{t.sync.earlier}</h2>
        <span className="grow" />
        <Segmented
          label={t.sync.filter}
          value={findings ? "findings" : "all"}
          options={[
            { value: "all", text: t.sync.all },
            { value: "findings", text: t.sync.findings },
          ]}
          onChange={(next) => onFindings(next === "findings")}
        />
      </div>
      {list.error && !runs ? (
        <ErrorState bare error={list.error} onRetry={() => void list.refetch()} />
      ) : !runs ? (
        <div className="list-bones">
          <Bones>
            <RowBones rows={5} />
          </Bones>
        </div>
      ) : runs.length === 0 ? (
        findings ? (
          <Center bare status="normal" title={t.sync.noFindings}>
            <p>{t.sync.noFindingsText}</p>
          </Center>
        ) : (
          <Center bare icon="sync" title={t.sync.noRuns}>
            <p>{t.sync.noRunsText}</p>
          </Center>
        )
      ) : (
        <div className="scroll">
          <table role="table" className="data runs">
            <caption className="sr">{t.sync.earlier}</caption>
            <thead role="rowgroup">
              <tr role="row">
                <th scope="col">{t.sync.run}</th>
                <th scope="col">{t.sync.result}</th>
                <th scope="col">{t.sync.startedBy}</th>
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
              {runs.map((run) => (
                <RunRow key={run.id} run={run} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {list.hasNextPage && (
        <p className="list-foot">
          <button type="button" className="btn small" onClick={() => void list.fetchNextPage()}>
            {t.sync.more}
          </button>
        </p>
      )}
    </section>
  );
}
