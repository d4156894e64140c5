/** Days of the past read again: which, what that would take, and the button that starts it. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";
import { queries, startBackfill } from "@/api/queries";
import type { BackfillPlan, SourceOverview } from "@/api/types";
import { Bone, Bones } from "@/components/states/Bones";
import { Notice } from "@/components/states/Notice";
import { BusyButton } from "@/components/ui/BusyButton";
import { Dialog } from "@/components/ui/Dialog";
import { streamName } from "@/features/sync/words";
import { useI18n } from "@/i18n";

const withPast = ["orders", "sales", "returns"];
const dayMs = 86_400_000;

const shifted = (day: string, days: number) =>
  new Date(new Date(`${day}T00:00:00Z`).getTime() + days * dayMs).toISOString().slice(0, 10);

function Plan({ plan }: { plan: BackfillPlan }) {
  const { t } = useI18n();
  return (
    <ul className="plan">
      {plan.streams.map((stream) => {
        const here = stream.here.reduce((sum, month) => sum + month.rows, 0);
        return (
          <li key={stream.stream}>
            <b>{streamName(t, stream.stream)}</b>{" "}
            {stream.windows === 0
              ? t.past.none
              : `${t.past.requests(stream.requests_at_least)}, ${t.past.here(t.rows(here))}`}
            {stream.reason && (
              <span className="dim said-line" lang="en">
                {stream.reason}
              </span>
            )}
          </li>
        );
      })}
      <li className="dim">{t.past.takes(t.duration(Math.max(1, plan.seconds_at_least)))}</li>
    </ul>
  );
}

interface Props {
  sources: readonly SourceOverview[];
  today: string;
  onClose: () => void;
}

export function BackfillDialog({ sources, today, onClose }: Props) {
  const { t } = useI18n();
  const id = useId();
  const cache = useQueryClient();
  const [source, setSource] = useState(sources[0]?.source ?? "");
  const [streams, setStreams] = useState<readonly string[]>(["orders", "sales"]);
  const [first, setFirst] = useState(shifted(today, -30));
  const [last, setLast] = useState(shifted(today, -1));
  const chosen = sources.find((one) => one.source === source);
  const offered = withPast.filter((stream) => chosen?.streams.includes(stream));
  const wanted = offered.filter((stream) => streams.includes(stream));
  const wrong = first === "" || last === "" || last < first;
  const ready = !wrong && wanted.length > 0;
  const asked = { source, streams: wanted, first_day: first, end_day: ready ? shifted(last, 1) : last };
  const plan = useQuery({ ...queries.backfillPlan(asked), enabled: ready });
  const start = useMutation({
    mutationFn: () => startBackfill(asked),
    onSuccess: async () => {
      await cache.invalidateQueries({ queryKey: queries.sync().queryKey });
      onClose();
    },
  });
  const possible = plan.data?.streams.some((stream) => stream.windows > 0) ?? false;
  return (
    <Dialog title={t.past.title} closeLabel={t.help.dismiss} onClose={onClose}>
      <p className="dim">{t.past.lead}</p>
      <form
        className="past"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready && possible && !start.isPending) start.mutate();
        }}
      >
        {sources.length > 1 && (
          <label>
            {t.past.source}
            <select className="btn" value={source} onChange={(event) => setSource(event.target.value)}>
              {sources.map((one) => (
                <option key={one.source} value={one.source}>
                  {one.title}
                </option>
              ))}
            </select>
          </label>
        )}
        <fieldset>
          <legend>{t.past.streams}</legend>
          {offered.map((stream) => (
            <label key={stream} className="check">
              <input
                type="checkbox"
                checked={streams.includes(stream)}
                onChange={(event) =>
                  setStreams(event.target.checked ? [...streams, stream] : streams.filter((one) => one !== stream))
                }
              />
              {streamName(t, stream)}
            </label>
          ))}
        </fieldset>
        <div className="past-days">
          <label>
            {t.past.from}
            <input
              className="btn"
              type="date"
              value={first}
              max={today}
              aria-describedby={id}
              onChange={(event) => setFirst(event.target.value)}
            />
          </label>
          <label>
            {t.past.to}
            <input
              className="btn"
              type="date"
              value={last}
              max={today}
              aria-describedby={id}
              onChange={(event) => setLast(event.target.value)}
            />
          </label>
        </div>
        <p id={id} className="dim">
          {t.past.days}
        </p>
        <section aria-labelledby={`${id}-plan`} aria-live="polite">
          <h3 id={`${id}-plan`}>{t.past.plan}</h3>
          {wrong || wanted.length === 0 ? (
            <p>{wrong ? t.past.wrongDays : t.past.nothingChosen}</p>
          ) : plan.error ? (
            <Notice tone="critical" title={plan.error.message} />
          ) : plan.data ? (
            <Plan plan={plan.data} />
          ) : (
            <Bones>
              <Bone width="80%" />
              <Bone width="60%" />
            </Bones>
          )}
        </section>
        {start.error && <Notice tone="critical" role="alert" title={start.error.message} />}
        <div className="past-end">
          <button type="button" className="btn" onClick={onClose}>
            {t.past.cancel}
          </button>
          <BusyButton
            className="primary"
            icon="sync"
            busy={start.isPending || !ready || !possible}
            onClick={() => start.mutate()}
          >
            {t.past.start}
          </BusyButton>
        </div>
      </form>
    </Dialog>
  );
}
