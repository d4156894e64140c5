/** Our tables beside the marketplaces' own figures: what differs and needs a look first, the sums below. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { queries, startReconciliation } from "@/api/queries";
import type { DifferenceRow, DifferenceSum, Reconciliation } from "@/api/types";
import { Bone, Bones, RowBones } from "@/components/states/Bones";
import { Center } from "@/components/states/Center";
import { ErrorState } from "@/components/states/ErrorState";
import { Notice } from "@/components/states/Notice";
import { BusyButton } from "@/components/ui/BusyButton";
import { State } from "@/components/ui/Status";
import "@/features/reconcile/reconcile.css";
import { SidesTable } from "@/features/reconcile/SidesTable";
import { memberName, Statements } from "@/features/reconcile/Statements";
import { streamName } from "@/features/sync/words";
import { useI18n } from "@/i18n";
import { useNow, useTitle } from "@/lib/hooks";
import { sourceTitle } from "@/lib/names";

const lastDay = (end: string) => new Date(Date.parse(`${end}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10);

const currencyOf = (row: DifferenceRow) => (row.theirs_money ?? row.ours_money)?.currency;

/** Units, or for prices money; "not there" where a side has none at all. */
function useFigure(kind: DifferenceSum["kind"], currency: string | undefined) {
  const { t, f } = useI18n();
  return (figure: number | null) => {
    if (figure === null) return t.past.compare.absent;
    if (kind !== "price") return t.units(figure);
    return currency ? f.price({ amount: String(figure), currency }) : f.number(figure);
  };
}

function Rows({ told, currency }: { told: DifferenceSum; currency: string | undefined }) {
  const { t, f } = useI18n();
  const words = t.past.compare;
  const members = { ...words.pay.members, ...words.members };
  const figure = useFigure(told.kind, currency);
  const side = (row: DifferenceRow, of: "theirs" | "ours") => {
    const money = of === "theirs" ? row.theirs_money : row.ours_money;
    return money ? f.price(money) : figure(row[of]);
  };
  return (
    <details>
      <summary className="link">{words.examples(told.examples.length)}</summary>
      <ul className="compare-rows">
        {told.examples.map((row) => (
          <li key={[row.order_id, row.sku, row.day, row.scheme, row.place, row.member, currencyOf(row)].join(" ")}>
            {row.member && !row.order_id ? (
              <b>{memberName(members, row.member)}</b>
            ) : (
              <b>{row.order_id ?? (row.day ? f.day(row.day) : row.scheme)}</b>
            )}
            {row.member && row.order_id && <span>{memberName(members, row.member)}</span>}
            {row.member && !row.order_id && row.day && <span>{f.dayRange(row.day, row.last_day ?? row.day)}</span>}
            {row.order_id && row.day && <span>{f.day(row.day)}</span>}
            {row.place && <span>{row.place}</span>}
            {row.sku && (
              <span>
                {words.sku} {row.sku}
              </span>
            )}
            <span className="num">{words.sides(side(row, "theirs"), side(row, "ours"))}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Differences({
  told: { differences, stream, days, by_report: byReport },
  caption,
}: {
  told: Reconciliation;
  caption: string;
}) {
  const ofMoney = stream === "finance" || tellMoney(days);
  const { t, f } = useI18n();
  const words = t.past.compare;
  const { data: meta } = useQuery(queries.meta());
  const sorted = [...differences].sort((one, other) => Number(one.harmless) - Number(other.harmless));
  return (
    <ul className="compare-list" aria-label={caption}>
      {sorted.map((told) => (
        <li key={told.kind}>
          <div className="compare-why">
            <b>{words.kinds[told.kind]}</b>
            <State icon={told.harmless ? "ok" : "alert"} tone={told.harmless ? "normal" : "low"}>
              {told.harmless ? words.harmless : words.decide}
            </State>
          </div>
          <dl className="compare-facts">
            <div>
              <dt>{words.rows}</dt>
              <dd className="num">{f.number(told.rows)}</dd>
            </div>
            {!ofMoney && (
              <div>
                <dt>{words.units}</dt>
                <dd className="num">{f.number(told.units)}</dd>
              </div>
            )}
            {told.amounts.map((money) => (
              <div key={money.currency}>
                <dt>{ofMoney ? words.pay.difference : words.money}</dt>
                <dd className="num">{f.price(money)}</dd>
              </div>
            ))}
          </dl>
          {byReport && words.pay.advice[told.kind] && <p className="dim">{words.pay.advice[told.kind]}</p>}
          <Rows told={told} currency={meta?.currency} />
        </li>
      ))}
    </ul>
  );
}

const tellMoney = (days: Reconciliation["days"]) => days.some((day) => day.theirs_money ?? day.ours_money);

/** Nothing on either side: no units, and no money. */
const isEmpty = (day: Reconciliation["days"][number]) =>
  !day.theirs && !day.ours && !day.theirs_money && !day.ours_money;

const dayKey = (day: Reconciliation["days"][number]) =>
  [day.day, day.scheme, day.place, day.pooled, day.member, day.theirs_money?.currency ?? day.ours_money?.currency].join(
    " ",
  );

function Sums({ told }: { told: Reconciliation }) {
  const { t, f } = useI18n();
  const words = t.past.compare;
  const byDay = told.stream !== "stock";
  const byPlace = told.stream === "orders";
  const label = byPlace ? words.daysAndPlaces : byDay ? words.days : words.schemes;
  const ofMoney = tellMoney(told.days);
  const side = (units: number | null, money: (typeof told.days)[number]["theirs_money"]) =>
    units !== null ? f.number(units) : money ? f.price(money) : words.absent;
  return (
    <details className="compare-sums">
      <summary className="link">{label}</summary>
      <SidesTable
        label={label}
        what={byPlace ? words.dayOrPlace : byDay ? words.day : words.scheme}
        theirs={ofMoney ? words.pay.theirs : words.theirs}
        ours={ofMoney ? words.pay.ours : words.ours}
      >
        <tbody role="rowgroup">
          {told.days.map((day) => (
            <tr role="row" key={dayKey(day)}>
              <th scope="row">
                {[day.day && f.day(day.day), day.scheme, day.place, day.member && memberName(words.members, day.member)]
                  .filter(Boolean)
                  .join(", ") || (day.pooled ? words.pooled(sourceTitle(told.source)) : words.noPlace)}
              </th>
              <td className="num">{side(day.theirs, day.theirs_money)}</td>
              <td className="num">{side(day.ours, day.ours_money)}</td>
            </tr>
          ))}
        </tbody>
      </SidesTable>
    </details>
  );
}

/** Agreement is said only where everything could be compared. */
function Verdict({ told, empty }: { told: Reconciliation; empty: boolean }) {
  const { t } = useI18n();
  const words = t.past.compare;
  const show = (icon: "alert" | "help" | "ok", tone: "low" | "unknown" | "normal", said: string) => (
    <State icon={icon} tone={tone}>
      {said}
    </State>
  );
  if (told.failed && told.findings === 0) return show("help", "unknown", words.outdated);
  if (told.findings > 0) return show("alert", "low", words.differs(t.rows(told.findings)));
  if (told.failed_schemes.length > 0) return show("help", "unknown", words.partly);
  if (empty) return show("help", "unknown", words.empty);
  return show("ok", "normal", told.differences.length > 0 ? words.fine : words.exact);
}

/** The last attempt; what stands below is `older`, or nothing at all. */
function LastFailed({ failed, older }: { failed: Reconciliation["failed"]; older: boolean }) {
  const { t, f } = useI18n();
  const now = useNow();
  if (!failed) return null;
  const words = t.past.compare;
  const at = f.zonedClock(failed.at, now);
  return (
    <Notice tone="critical" title={older ? words.lastFailed(at) : words.failed(at)}>
      {failed.why}
    </Notice>
  );
}

function Compared({ told }: { told: Reconciliation }) {
  const { t, f } = useI18n();
  const words = t.past.compare;
  const now = useNow();
  const id = `compared-${told.run_id}-${told.stream}`;
  const title = words.head(sourceTitle(told.source), told.account, streamName(t, told.stream));
  const nothing = told.statements.length === 0;
  const empty = nothing && told.differences.length === 0 && told.days.every(isEmpty);
  if (told.checked_at === null) return <Never id={id} title={title} failed={told.failed} />;
  if (!told.compared) return <NotTold id={id} title={title} />;
  return (
    <section className="panel compare" aria-labelledby={id}>
      <div className="panel-head">
        <h2 id={id}>{title}</h2>
        <Verdict told={told} empty={empty} />
      </div>
      <LastFailed failed={told.failed} older />
      <p className="dim">
        <time dateTime={told.checked_at} title={f.exact(told.checked_at)}>
          {told.stream === "stock"
            ? words.at(f.zonedClock(told.checked_at, now))
            : words.of(f.dayRange(told.first_day, lastDay(told.end_day)), f.zonedClock(told.checked_at, now))}
        </time>
        {told.findings > 0 && told.stream !== "stock" && told.days.length > 0 && ` · ${words.again}`}
      </p>
      {told.untold.length > 0 && (
        <p className="dim">{words.untold(t.list(told.untold.map((each) => words.parts[each])))}</p>
      )}
      {told.failed_schemes.map(({ scheme, why }) => (
        <Notice key={scheme} tone="low" title={words.schemeFailed(scheme)}>
          {why}
        </Notice>
      ))}
      {told.differences.length > 0 && <Differences told={told} caption={title} />}
      {told.by_report ? <Statements statements={told.statements} /> : told.days.length > 0 && <Sums told={told} />}
    </section>
  );
}

/** A stream that was tried and never compared. */
function Never({ id, title, failed }: { id: string; title: string; failed: Reconciliation["failed"] }) {
  const { t } = useI18n();
  return (
    <section className="panel compare" aria-labelledby={id}>
      <div className="panel-head">
        <h2 id={id}>{title}</h2>
        <State icon="help" tone="unknown">
          {t.past.compare.notTold}
        </State>
      </div>
      <LastFailed failed={failed} older={false} />
    </section>
  );
}

/** A stream of which no second figure is read: nothing agrees, and nothing differs. */
function NotTold({ id, title }: { id: string; title: string }) {
  const { t } = useI18n();
  const words = t.past.compare;
  return (
    <section className="panel compare" aria-labelledby={id}>
      <div className="panel-head">
        <h2 id={id}>{title}</h2>
        <State icon="help" tone="unknown">
          {words.notTold}
        </State>
      </div>
      <p className="dim">{words.notToldText}</p>
    </section>
  );
}

export function ReconcilePage() {
  const { t } = useI18n();
  const words = t.past.compare;
  useTitle(words.title);
  const cache = useQueryClient();
  const found = useQuery(queries.reconciliations());
  const overview = useQuery(queries.sync());
  const start = useMutation({
    mutationFn: startReconciliation,
    onSuccess: () => cache.invalidateQueries({ queryKey: queries.sync().queryKey }),
  });
  const running = overview.data?.running.some((run) => run.kind === "reconcile") ?? false;
  const sorted = [...(found.data ?? [])].sort(
    (one, other) =>
      Number(Boolean(other.failed)) - Number(Boolean(one.failed)) ||
      Number(other.compared) - Number(one.compared) ||
      other.findings - one.findings,
  );
  return (
    <div className="page">
      <div className="page-head compare-head">
        <h1>{words.title}</h1>
        <span className="grow" />
        <BusyButton className="primary" icon="sync" busy={start.isPending || running} onClick={() => start.mutate()}>
          {words.start}
        </BusyButton>
      </div>
      <p className="dim">{words.lead}</p>
      {start.error && <Notice tone="critical" role="alert" title={start.error.message} />}
      {running && <Notice tone="busy" role="status" title={words.wait} />}
      {found.error && !found.data ? (
        <ErrorState error={found.error} onRetry={() => void found.refetch()} />
      ) : !found.data ? (
        <Bones>
          <div className="panel">
            <Bone width="30%" />
            <RowBones rows={3} />
          </div>
        </Bones>
      ) : sorted.length === 0 ? (
        <Center icon="sync" title={words.never}>
          <p>{words.neverText}</p>
        </Center>
      ) : (
        sorted.map((told) => <Compared key={`${told.run_id} ${told.stream}`} told={told} />)
      )}
    </div>
  );
}
