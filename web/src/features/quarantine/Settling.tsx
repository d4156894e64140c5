/** What changes rows: asking for another try, dropping with a reason; and what is told about it afterwards. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useId, useRef, useState, type RefObject } from "react";
import { dropRows, quarantineKey, syncKey } from "@/api/queries";
import type { RowsMeant, Settled } from "@/api/types";
import { Notice } from "@/components/states/Notice";
import { BusyButton } from "@/components/ui/BusyButton";
import { useI18n } from "@/i18n";

/** Afterwards lists, counts and runs are asked for anew. */
export function useSettling<T>(settle: () => Promise<T>, onDone?: (result: T) => void) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: settle,
    onSuccess: async (result) => {
      onDone?.(result);
      await cache.invalidateQueries({ queryKey: quarantineKey });
      await cache.invalidateQueries({ queryKey: syncKey });
    },
  });
}

/** Moves the keyboard to a form that has just been opened. */
export function useFirstFocus<T extends HTMLElement>(): RefObject<T | null> {
  const first = useRef<T>(null);
  useEffect(() => first.current?.focus(), []);
  return first;
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

interface DropProps {
  meant: Partial<RowsMeant>;
  rows: number;
  onClose: () => void;
  onDropped: (rows: number) => void;
}

export function DropForm({ meant, rows, onClose, onDropped }: DropProps) {
  const { t } = useI18n();
  const q = t.quarantine;
  const id = useId();
  const first = useFirstFocus<HTMLInputElement>();
  const [why, setWhy] = useState("");
  const drop = useSettling(
    () => dropRows(meant, why),
    (settled) => onDropped(settled.rows),
  );
  const submit = () => {
    if (why.trim() && !drop.isPending) drop.mutate();
  };
  return (
    <form
      className="row-form"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <label htmlFor={id} className="strong">
        {q.dropWhy(rows)}
      </label>
      <p className="dim" id={`${id}-hint`}>
        {q.dropHint}
      </p>
      <input
        ref={first}
        id={id}
        aria-describedby={`${id}-hint`}
        className="row-input"
        required
        maxLength={500}
        value={why}
        onChange={(event) => setWhy(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onClose();
        }}
      />
      {drop.error && <Notice tone="critical" role="alert" title={drop.error.message} />}
      <div className="btns">
        <BusyButton className="primary" busy={drop.isPending} disabled={!why.trim()} onClick={submit}>
          {q.dropNow(rows)}
        </BusyButton>
        <button type="button" className="btn" onClick={onClose}>
          {q.cancel}
        </button>
      </div>
    </form>
  );
}
