/** The quarantine: first what needs a decision, then the rows behind it, then one row with its bytes. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { present, queries, restoreRows } from "@/api/queries";
import { Bones, RowBones } from "@/components/states/Bones";
import { Center } from "@/components/states/Center";
import { ErrorState } from "@/components/states/ErrorState";
import { Notice } from "@/components/states/Notice";
import { BusyButton } from "@/components/ui/BusyButton";
import { Segmented } from "@/components/ui/Segmented";
import { Groups } from "@/features/quarantine/Groups";
import { reasonWords } from "@/features/quarantine/reason";
import { RowPanel } from "@/features/quarantine/RowPanel";
import { useSettling } from "@/features/quarantine/Settling";
import "@/features/quarantine/quarantine.css";
import { streamName } from "@/features/sync/words";
import { useI18n } from "@/i18n";
import { useNow, useTitle } from "@/lib/hooks";
import { sourceTitle } from "@/lib/names";
import { rowStates, type QuarantineSearch } from "@/lib/url-state";

const filterOf = ({ source, account, stream, rule }: QuarantineSearch) => ({ source, account, stream, rule });

function Rows({ search }: { search: QuarantineSearch }) {
  const { t, f } = useI18n();
  const now = useNow();
  const q = t.quarantine;
  const navigate = useNavigate({ from: "/quarantine" });
  const state = search.state ?? "waiting";
  const list = useInfiniteQuery(queries.quarantinedRows(filterOf(search), state));
  const rows = list.data?.pages.flatMap((page) => page.items);
  const total = list.data?.pages[0]?.total ?? 0;
  const isFiltered = (search.source ?? search.rule ?? search.stream) !== undefined;
  const { account, ...named } = filterOf(search);
  const restore = useSettling(() => restoreRows(present({ ...named, account_id: account })));
  return (
    <section className="panel list" aria-labelledby="rows-title">
      <div className="panel-head">
        <h2 id="rows-title">
          {q.rows}
          {search.rule && <span className="sub q-rule">{reasonWords(t, search.rule)}</span>}
        </h2>
        <span className="grow" />
        {isFiltered && state === "dropped" && total > 0 && (
          <BusyButton className="small" busy={restore.isPending} onClick={() => restore.mutate()}>
            {q.restoreAll(total)}
          </BusyButton>
        )}
        {isFiltered && (
          <Link className="btn small quiet" to="/quarantine" search={{ state }}>
            {q.all}
          </Link>
        )}
        <Segmented
          className="q-states"
          label={q.stateFilter}
          value={state}
          options={rowStates.map((value) => ({ value, text: q.state[value] }))}
          onChange={(next) => {
            void navigate({ search: { ...present(filterOf(search)), state: next }, replace: true, resetScroll: false });
          }}
        />
      </div>
      {restore.error && <Notice tone="critical" role="alert" title={restore.error.message} />}
      {restore.data && <Notice tone="busy" icon="check" role="status" title={q.restored(restore.data.rows)} />}
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
                id={`row-${row.id}`}
                to="/quarantine"
                search={{ ...search, row: row.id }}
                resetScroll={false}
                aria-current={row.id === search.row ? "true" : undefined}
              >
                <span className="strong">{row.key || q.nameless}</span>
                <span className="dim">
                  {sourceTitle(row.source)} · {streamName(t, row.stream)} · {f.clock(row.told_at, now)}
                </span>
                <span className="q-rule">{reasonWords(t, row.reason)}</span>
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
  const navigate = useNavigate({ from: "/quarantine" });
  const close = () => {
    const { row, ...others } = search;
    void navigate({ search: others, resetScroll: false });
    // Back to where the reader came from.
    document.getElementById(`row-${row}`)?.focus();
  };
  return (
    <div className="page">
      <div className="page-head">
        <h1>{q.title}</h1>
        <span className="dim">{q.lead}</span>
      </div>
      <Groups search={search} />
      {search.row !== undefined && <RowPanel key={search.row} id={search.row} onClose={close} />}
      <Rows search={search} />
    </div>
  );
}
