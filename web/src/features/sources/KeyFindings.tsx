/** What a test of a key found: facts, the price of each missing right, and how long the first sync takes. */
import type { KeyReport } from "@/api/types";
import { Notice } from "@/components/states/Notice";
import { streamName } from "@/features/sync/words";
import { useI18n } from "@/i18n";

function Facts({ report }: { report: KeyReport }) {
  const { t, f } = useI18n();
  const { expires_at, days_left } = report;
  const day = expires_at === null ? null : f.exact(expires_at);
  const facts: [string, string | null][] = [
    [t.keys.kind, report.kind],
    [
      t.keys.account,
      report.account && [report.account, report.read_by && t.keys.readBy(report.read_by)].filter(Boolean).join(" · "),
    ],
    [t.keys.opens, report.rights.length > 0 ? t.list(report.rights) : null],
    [t.keys.writes, report.read_only === null ? null : report.read_only ? t.keys.readOnly : t.keys.mayWrite],
    [
      t.keys.expires,
      day === null || days_left === null
        ? null
        : days_left < 0
          ? t.keys.ended(day)
          : t.keys.inDays(day, t.days(days_left)),
    ],
    [t.keys.products, report.products === null ? null : f.number(report.products)],
    [t.keys.firstSync, report.seconds === null ? null : t.keys.about(t.duration(Math.max(1, report.seconds)))],
  ];
  return (
    <dl className="key-facts">
      {facts.map(
        ([label, text]) =>
          text !== null && (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{text}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

export function KeyFindings({ report }: { report: KeyReport }) {
  const { t, f } = useI18n();
  const refused = report.accepted === false;
  const whole = report.accepted === true && !report.problem;
  const tone = refused ? "critical" : whole ? "busy" : "low";
  const title = refused ? t.keys.refused(report.title) : whole ? t.keys.accepted(report.title) : t.keys.unclear;
  const tells = report.streams.some((stream) => stream.seconds !== null || stream.missing.length > 0);
  return (
    <div className="key-findings">
      <Notice tone={tone} icon={whole ? "ok" : undefined} title={title} role="status">
        {report.problem && (
          <span lang="en">
            {report.problem} {report.remedy}
          </span>
        )}
      </Notice>
      {report.sandbox && <Notice tone="low" title={t.keys.sandbox} />}
      {report.slow && <Notice tone="low" title={t.keys.slow} />}
      <Facts report={report} />
      {tells && (
        <div className="scroll">
          <table className="data">
            <caption className="sr">{t.keys.firstSync}</caption>
            <thead>
              <tr>
                <th scope="col">{t.keys.stream}</th>
                <th scope="col" className="num">
                  {t.keys.takes}
                </th>
                <th scope="col" className="num hide-s">
                  {t.keys.requests}
                </th>
                <th scope="col">{t.keys.why}</th>
              </tr>
            </thead>
            <tbody>
              {report.streams.map((stream) => (
                <tr key={stream.stream}>
                  <th scope="row">{streamName(t, stream.stream)}</th>
                  <td className="num">{stream.seconds === null ? "–" : t.duration(Math.max(1, stream.seconds))}</td>
                  <td className="num hide-s">{f.number(stream.requests)}</td>
                  <td className="key-why">
                    {stream.missing.length > 0 ? (
                      t.keys.lacks(t.list(stream.missing))
                    ) : (
                      <span lang="en">{stream.reason ?? "–"}</span>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}
