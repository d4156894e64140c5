/** One row: why it was not believed, its bytes with the faulty field marked; mending it, trying it again, dropping it. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Fragment, useId, useState, type ReactNode } from "react";
import { dropRows, fixRow, quarantineKey, queries, replayRows, restoreRows, syncKey } from "@/api/queries";
import type { QuarantinedRowDetail, Settled } from "@/api/types";
import { Bone, Bones } from "@/components/states/Bones";
import { ErrorState } from "@/components/states/ErrorState";
import { Notice } from "@/components/states/Notice";
import { BusyButton } from "@/components/ui/BusyButton";
import { layOut } from "@/features/products/json";
import { keyOf } from "@/features/quarantine/field";
import { streamName } from "@/features/sync/words";
import { useI18n } from "@/i18n";
import { useNow } from "@/lib/hooks";
import { sourceTitle } from "@/lib/names";

/** The row as it is; its faulty field stands out, and keyboard readers reach it. */
function Bytes({ text, field, label }: { text: string; field: string | null; label: string }): ReactNode {
  const tokens = layOut(text);
  const marked = keyOf(tokens, field);
  return (
    <pre className="row-bytes" tabIndex={0} role="region" aria-label={label}>
      {tokens.map((token, index) => (
        <Fragment key={index}>
          {marked >= 0 && (index === marked || index === marked + 2) ? <mark>{token}</mark> : token}
        </Fragment>
      ))}
    </pre>
  );
}

function Facts({ found }: { found: QuarantinedRowDetail }) {
  const { t, f } = useI18n();
  const now = useNow();
  const q = t.quarantine;
  const { row } = found;
  const at = (instant: string) => f.clock(instant, now);
  const facts: [string, ReactNode][] = [
    [q.reason, row.reason],
    ...(row.field ? [[q.field, <code key="field">{row.field}</code>] as [string, ReactNode]] : []),
    [q.told, q.toldTimes(at(row.received_at), at(row.told_at))],
    [q.tries, row.tried_at ? q.tried(row.attempts, at(row.tried_at)) : q.neverTried],
    [q.run, f.number(row.run_id)],
    ...(row.note ? [[q.note, row.note] as [string, ReactNode]] : []),
    ...(found.raw_sha256
      ? [
          [
            q.answer,
            <a key="answer" href={`/api/v1/raw/${found.raw_sha256}`} target="_blank" rel="noreferrer">
              {q.openAnswer}
            </a>,
          ] as [string, ReactNode],
        ]
      : []),
  ];
  return (
    <dl className="row-facts">
      {facts.map(([name, value]) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </Fragment>
      ))}
    </dl>
  );
}

/** What changes rows: afterwards lists, counts and runs are asked for anew. */
export function useSettling<T>(settle: () => Promise<T>) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: settle,
    onSuccess: async () => {
      await cache.invalidateQueries({ queryKey: quarantineKey });
      await cache.invalidateQueries({ queryKey: syncKey });
    },
  });
}

/** What came of asking for another try; accounts that nobody can read as things are, by name. */
export function Asked({ settled }: { settled: Settled }) {
  const q = useI18n().t.quarantine;
  const { rows, skipped } = settled;
  return (
    <>
      {(rows > 0 || skipped.length === 0) && (
        <Notice tone="busy" role="status" title={rows > 0 ? q.replaying(rows) : q.nothingAsked} />
      )}
      {skipped.map((each) => (
        <Notice key={each} tone="critical" role="alert" title={q.skipped(each)} />
      ))}
    </>
  );
}

function Mend({ found, onClose }: { found: QuarantinedRowDetail; onClose: () => void }) {
  const { t } = useI18n();
  const q = t.quarantine;
  const id = useId();
  const [text, setText] = useState(() => layOut(found.fixed ?? found.received).join(""));
  const save = useSettling(() => fixRow(found.row.id, text));
  return (
    <div className="row-form">
      <label htmlFor={id} className="strong">
        {q.edit}
      </label>
      <p className="dim" id={`${id}-hint`}>
        {q.editHint}
      </p>
      <textarea
        id={id}
        aria-describedby={`${id}-hint`}
        className="row-bytes"
        rows={Math.min(24, text.split("\n").length + 1)}
        spellCheck={false}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      {save.error && <Notice tone="critical" role="alert" title={save.error.message} />}
      {save.isSuccess && <Notice tone="busy" role="status" title={q.saved} />}
      <div className="btns">
        <BusyButton
          className="primary"
          icon="check"
          busy={save.isPending || save.isSuccess}
          onClick={() => save.mutate()}
        >
          {q.save}
        </BusyButton>
        <button type="button" className="btn" onClick={onClose}>
          {q.cancel}
        </button>
      </div>
    </div>
  );
}

function Drop({ id, onClose }: { id: number; onClose: () => void }) {
  const { t } = useI18n();
  const q = t.quarantine;
  const input = useId();
  const [why, setWhy] = useState("");
  const drop = useSettling(() => dropRows({ ids: [id] }, why));
  return (
    <form
      className="row-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (why.trim() && !drop.isPending) drop.mutate();
      }}
    >
      <label htmlFor={input} className="strong">
        {q.dropWhy}
      </label>
      <p className="dim">{q.dropHint}</p>
      <input
        id={input}
        className="row-input"
        required
        maxLength={500}
        value={why}
        onChange={(e) => setWhy(e.target.value)}
      />
      {drop.error && <Notice tone="critical" role="alert" title={drop.error.message} />}
      <div className="btns">
        <button type="submit" className="btn primary" aria-disabled={!why.trim() || drop.isPending || undefined}>
          {q.dropNow}
        </button>
        <button type="button" className="btn" onClick={onClose}>
          {q.cancel}
        </button>
      </div>
    </form>
  );
}

function Actions({ found }: { found: QuarantinedRowDetail }) {
  const { t } = useI18n();
  const q = t.quarantine;
  const [open, setOpen] = useState<"mend" | "drop" | null>(null);
  const { row } = found;
  const replay = useSettling(() => replayRows({ ids: [row.id] }));
  const restore = useSettling(() => restoreRows({ ids: [row.id] }));
  if (row.state === "dropped")
    return (
      <div className="btns">
        <BusyButton busy={restore.isPending} onClick={() => restore.mutate()}>
          {q.restore}
        </BusyButton>
      </div>
    );
  if (row.state !== "waiting") return null;
  if (open === "mend") return <Mend found={found} onClose={() => setOpen(null)} />;
  if (open === "drop") return <Drop id={row.id} onClose={() => setOpen(null)} />;
  return (
    <>
      {replay.data && <Asked settled={replay.data} />}
      {replay.error && <Notice tone="critical" role="alert" title={replay.error.message} />}
      <div className="btns">
        {row.replayable && (
          <>
            <button type="button" className="btn primary" onClick={() => setOpen("mend")}>
              {q.edit}
            </button>
            <BusyButton icon="sync" busy={replay.isPending} onClick={() => replay.mutate()}>
              {q.replay}
            </BusyButton>
          </>
        )}
        <button type="button" className="btn" onClick={() => setOpen("drop")}>
          {q.drop}
        </button>
      </div>
    </>
  );
}

export function RowPanel({ id }: { id: number }) {
  const { t, f } = useI18n();
  const now = useNow();
  const q = t.quarantine;
  const { data: found, error, refetch } = useQuery(queries.quarantinedRow(id));
  if (error && !found) return <ErrorState error={error} onRetry={() => void refetch()} />;
  if (!found)
    return (
      <Bones>
        <div className="panel">
          <Bone width="40%" />
        </div>
      </Bones>
    );
  const { row } = found;
  return (
    <section className="panel row-panel" aria-labelledby="row-title">
      <div className="panel-head">
        <h2 id="row-title">
          {q.row(row.id)}
          <span className="sub">
            {sourceTitle(row.source)} · {streamName(t, row.stream)} · {row.key || q.nameless} · {q.state[row.state]}
          </span>
        </h2>
      </div>
      <Facts found={found} />
      <h3>{q.received}</h3>
      <Bytes text={found.received} field={row.field} label={q.received} />
      {found.fixed !== null && row.fixed_at && (
        <>
          <h3>{q.mended(row.fixed_by ?? "–", f.clock(row.fixed_at, now))}</h3>
          <Bytes
            text={found.fixed}
            field={row.field}
            label={q.mended(row.fixed_by ?? "–", f.clock(row.fixed_at, now))}
          />
        </>
      )}
      {!row.replayable && row.state === "waiting" && <p className="dim">{q.byReading}</p>}
      <Actions key={row.state} found={found} />
    </section>
  );
}
