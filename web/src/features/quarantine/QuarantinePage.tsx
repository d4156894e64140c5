/** The quarantine: first what needs a decision, then the rows behind it, then one row with its bytes. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { present, queries, replayRows } from "@/api/queries";
import type { QuarantineGroup } from "@/api/types";
import { Bone, Bones, RowBones } from "@/components/states/Bones";
import { Center } from "@/components/states/Center";
import { ErrorState } from "@/components/states/ErrorState";
import { Notice } from "@/components/states/Notice";
import { BusyButton } from "@/components/ui/BusyButton";
import { Segmented } from "@/components/ui/Segmented";
import { Asked, RowPanel, useSettling } from "@/features/quarantine/RowPanel";
import "@/features/quarantine/quarantine.css";
import { streamName } from "@/features/sync/words";
import { useI18n } from "@/i18n";
import { useNow, useTitle } from "@/lib/hooks";
import { sourceTitle } from "@/lib/names";
import { rowStates, type QuarantineSearch } from "@/lib/url-state";

const filterOf = ({ source, account, stream, rule }: QuarantineSearch) => ({ source, account, stream, rule });

function Group({ group }: { group: QuarantineGroup }) {
  const { t, f } = useI18n();
  const now = useNow();
  const q = t.quarantine;
  const replay = useSettling(() =>
    replayRows({ source: group.source, account_id: group.account_id, stream: group.stream, rule: group.rule }),
  );
  const title = `${sourceTitle(group.source)}, ${q.group(group.rows, streamName(t, group.stream))}`;
  const waitsFor = group.may_pass ? q.byItself : group.replayable ? q.byDecision : q.byReading;
  const facts = [
    group.account,
    q.since(f.clock(group.first_at, now)),
    q.lastTold(f.clock(group.last_at, now)),
    ...(group.tried > 0 ? [q.triedBefore(group.tried)] : []),
  ];
  return (
    <li className="q-group">
      <div className="grow">
        <h3>{title}</h3>
        <p className="q-rule">{group.rule}</p>
        <p className="dim">{facts.join(" · ")}</p>
        <p className="dim">{waitsFor}</p>
        {group.asked > 0 && <p className="q-asked">{q.asked(group.asked)}</p>}
        {replay.error && <Notice tone="critical" role="alert" title={replay.error.message} />}
        {replay.data && <Asked settled={replay.data} />}
      </div>
      <div className="btns">
        <Link
          className="btn small"
          to="/quarantine"
          search={{ source: group.source, account: group.account_id, stream: group.stream, rule: group.rule }}
          aria-label={q.showOf(`${title}, ${group.rule}`)}
        >
          {q.show}
        </Link>
        {group.replayable && (
          <BusyButton
            className="small"
            icon="sync"
            busy={replay.isPending}
            onClick={() => replay.mutate()}
            label={q.replayOf(`${title}, ${group.rule}`)}
          >
            {q.replay}
          </BusyButton>
        )}
      </div>
    </li>
  );
}

function Groups() {
  const { t } = useI18n();
  const q = t.quarantine;
  const { data, error, refetch } = useQuery(queries.quarantine());
  if (error && !data) return <ErrorState error={error} onRetry={() => void refetch()} />;
  if (!data)
    return (
      <Bones>
        <div className="panel">
          <Bone width="30%" />
          <RowBones rows={3} />
        </div>
      </Bones>
    );
  if (data.groups.length === 0)
    return (
      <Center status="normal" title={q.none}>
        <p>{q.noneText}</p>
      </Center>
    );
  return (
    <section className="panel list" aria-labelledby="groups-title">
      <div className="panel-head">
        <h2 id="groups-title">{q.decide}</h2>
        <span className="note">{q.waiting(data.waiting)}</span>
      </div>
      <ul className="q-groups">
        {data.groups.map((group) => (
          <Group key={`${group.account_id} ${group.stream} ${group.rule}`} group={group} />
        ))}
      </ul>
      {data.groups_total > data.groups.length && (
        <p className="list-foot dim">{q.largest(data.groups.length, data.groups_total)}</p>
      )}
    </section>
  );
}

function Rows({ search }: { search: QuarantineSearch }) {
  const { t, f } = useI18n();
  const now = useNow();
  const q = t.quarantine;
  const navigate = useNavigate({ from: "/quarantine" });
  const state = search.state ?? "waiting";
  const list = useInfiniteQuery(queries.quarantinedRows(filterOf(search), state));
  const rows = list.data?.pages.flatMap((page) => page.items);
  const total = list.data?.pages[0]?.total ?? 0;
  return (
    <section className="panel list" aria-labelledby="rows-title">
      <div className="panel-head">
        <h2 id="rows-title">
          {q.rows}
          {search.rule && <span className="sub q-rule">{search.rule}</span>}
        </h2>
        <span className="grow" />
        {(search.source ?? search.rule ?? search.stream) !== undefined && (
          <Link className="btn small quiet" to="/quarantine" search={{ state }}>
            {q.all}
          </Link>
        )}
        <Segmented
          label={q.stateFilter}
          value={state}
          options={rowStates.map((value) => ({ value, text: q.state[value] }))}
          onChange={(next) => {
            void navigate({ search: { ...present(filterOf(search)), state: next }, replace: true, resetScroll: false });
          }}
        />
      </div>
      {list.error && !rows ? (
        <ErrorState bare error={list.error} onRetry={() => void list.refetch()} />
      ) : !rows ? (
        <div className="list-bones">
          <Bones>
            <RowBones rows={5} />
          </Bones>
        </div>
      ) : rows.length === 0 ? (
        <Center bare icon="box" title={q.noRows}>
          <p>{q.noRowsText}</p>
        </Center>
      ) : (
        <ul className="q-rows">
          {rows.map((row) => (
            <li key={row.id}>
              <Link
                to="/quarantine"
                search={{ ...search, row: row.id }}
                resetScroll={false}
                aria-current={row.id === search.row ? "true" : undefined}
              >
                <span className="strong">{row.key || q.nameless}</span>
                <span className="dim">
                  {sourceTitle(row.source)} · {streamName(t, row.stream)} · {f.clock(row.told_at, now)}
                </span>
                <span className="q-rule">{row.reason}</span>
              </Link>
            </li>
          ))}
        </ul>
      )}
      {rows && rows.length > 0 && (
        <p className="list-foot">
          <span className="dim">{q.shown(rows.length, total)}</span>{" "}
          {list.hasNextPage && (
            <button type="button" className="btn small" onClick={() => void list.fetchNextPage()}>
              {q.more}
            </button>
          )}
        </p>
      )}
    </section>
  );
}

export function QuarantinePage() {
  const { t } = useI18n();
  const q = t.quarantine;
  useTitle(q.title);
  const search = useSearch({ from: "/quarantine" });
  return (
    <div className="page">
      <div className="page-head">
        <h1>{q.title}</h1>
        <span className="dim">{q.lead}</span>
      </div>
      <Groups />
      {search.row !== undefined && <RowPanel key={search.row} id={search.row} />}
      <Rows search={search} />
    </div>
  );
}
