/** One row: why it was not believed, its bytes with the faulty field marked; mending it, trying it again, dropping it. */
import { useQuery } from "@tanstack/react-query";
import { Fragment, useEffect, useId, useRef, useState, type ReactNode } from "react";
import { ApiError } from "@/api/errors";
import { fixRow, queries, replayRows, restoreRows } from "@/api/queries";
import type { QuarantinedRowDetail } from "@/api/types";
import { Bone, Bones } from "@/components/states/Bones";
import { Center } from "@/components/states/Center";
import { ErrorState } from "@/components/states/ErrorState";
import { Notice } from "@/components/states/Notice";
import { BusyButton } from "@/components/ui/BusyButton";
import { Bytes, laidOut } from "@/features/quarantine/Bytes";
import { reasonWords } from "@/features/quarantine/reason";
import { Asked, DropForm, useFirstFocus, useSettling } from "@/features/quarantine/Settling";
import { streamName } from "@/features/sync/words";
import { useI18n } from "@/i18n";
import { useNow } from "@/lib/hooks";
import { sourceTitle } from "@/lib/names";

/** In the reader's language, and below it what was said word for word. */
function Reason({ told }: { told: string }) {
  const { t } = useI18n();
  const words = reasonWords(t, told);
  return (
    <>
      {words}
      {words !== told && <code className="row-told">{told}</code>}
    </>
  );
}

function Facts({ found }: { found: QuarantinedRowDetail }) {
  const { t, f } = useI18n();
  const now = useNow();
  const q = t.quarantine;
  const { row } = found;
  const at = (instant: string) => f.clock(instant, now);
  const facts: [string, ReactNode][] = [
    [q.reason, <Reason key="reason" told={row.reason} />],
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

function Mend({ found, onClose }: { found: QuarantinedRowDetail; onClose: () => void }) {
  const { t } = useI18n();
  const q = t.quarantine;
  const id = useId();
  const [text, setText] = useState(() => laidOut(found.fixed ?? found.received).join(""));
  const first = useFirstFocus<HTMLTextAreaElement>();
  const save = useSettling(() => fixRow(found.row.id, text));
  return (
    <div className="row-form">
      <label htmlFor={id} className="strong">
        {q.mendLabel}
      </label>
      <p className="dim" id={`${id}-hint`}>
        {q.editHint}
      </p>
      <textarea
        ref={first}
        id={id}
        aria-describedby={`${id}-hint`}
        className="row-bytes"
        rows={Math.min(24, text.split("\n").length + 1)}
        spellCheck={false}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onClose();
        }}
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

function Actions({ found, onSaid }: { found: QuarantinedRowDetail; onSaid: (said: string) => void }) {
  const { t } = useI18n();
  const q = t.quarantine;
  const [open, setOpen] = useState<"mend" | "drop" | null>(null);
  const openers = { mend: useRef<HTMLButtonElement>(null), drop: useRef<HTMLButtonElement>(null) };
  const { row } = found;
  const replay = useSettling(() => replayRows({ ids: [row.id] }));
  const restore = useSettling(
    () => restoreRows({ ids: [row.id] }),
    (settled) => onSaid(q.restored(settled.rows)),
  );
  if (row.state === "dropped")
    return (
      <>
        {restore.error && <Notice tone="critical" role="alert" title={restore.error.message} />}
        <div className="btns">
          <BusyButton busy={restore.isPending} onClick={() => restore.mutate()}>
            {q.restore}
          </BusyButton>
        </div>
      </>
    );
  if (row.state !== "waiting") return null;
  const opener = (which: "mend" | "drop", words: string) => (
    <button
      ref={openers[which]}
      type="button"
      className={which === "mend" ? "btn primary" : "btn"}
      aria-expanded={open === which}
      onClick={() => setOpen(open === which ? null : which)}
    >
      {words}
    </button>
  );
  const close = () => {
    if (open) openers[open].current?.focus();
    setOpen(null);
  };
  return (
    <>
      {replay.data && <Asked settled={replay.data} />}
      {replay.error && <Notice tone="critical" role="alert" title={replay.error.message} />}
      <div className="btns">
        {row.replayable && (
          <>
            {opener("mend", q.edit)}
            <BusyButton icon="sync" busy={replay.isPending} onClick={() => replay.mutate()}>
              {q.replay}
            </BusyButton>
          </>
        )}
        {opener("drop", q.drop)}
      </div>
      {open === "mend" && <Mend found={found} onClose={close} />}
      {open === "drop" && (
        <DropForm meant={{ ids: [row.id] }} rows={1} onClose={close} onDropped={(rows) => onSaid(q.dropped(rows))} />
      )}
    </>
  );
}

export function RowPanel({ id, onClose }: { id: number; onClose: () => void }) {
  const { t, f } = useI18n();
  const now = useNow();
  const q = t.quarantine;
  const { data: found, error, refetch } = useQuery(queries.quarantinedRow(id));
  const [said, setSaid] = useState<string | null>(null);
  const panel = useRef<HTMLElement>(null);
  const title = useRef<HTMLHeadingElement>(null);
  const isHere = found !== undefined;
  useEffect(() => {
    // The list that the row was chosen from stands below: without this the panel opens out of sight.
    panel.current?.scrollIntoView({ block: "start" });
    title.current?.focus({ preventScroll: true });
  }, [isHere]);
  const say = (words: string) => {
    setSaid(words);
    // The form that had the keyboard is gone.
    title.current?.focus({ preventScroll: true });
  };
  if (error instanceof ApiError && error.status === 404)
    return (
      <Center icon="box" title={q.gone}>
        <p>{q.goneText}</p>
        <button type="button" className="btn" onClick={onClose}>
          {q.close}
        </button>
      </Center>
    );
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
    <section ref={panel} className="panel row-panel" aria-labelledby="row-title">
      <div className="panel-head">
        <h2 id="row-title" ref={title} tabIndex={-1}>
          {q.row(row.id)}
          <span className="sub">
            {sourceTitle(row.source)} · {streamName(t, row.stream)} · {row.key || q.nameless} · {q.state[row.state]}
          </span>
        </h2>
        <span className="grow" />
        <button type="button" className="btn small quiet" onClick={onClose}>
          {q.close}
        </button>
      </div>
      {said !== null && <Notice tone="busy" icon="check" role="status" title={said} />}
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
      {!row.replayable && row.state === "waiting" && <p className="dim">{q.next.reading}</p>}
      <Actions key={row.state} found={found} onSaid={say} />
    </section>
  );
}
