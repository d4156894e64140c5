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

const dayMs = 86_400_000;

const shifted = (day: string, days: number) =>
  new Date(new Date(`${day}T00:00:00Z`).getTime() + days * dayMs).toISOString().slice(0, 10);

type StreamPlan = BackfillPlan["streams"][number];

/** A stream that cannot be asked for by date is none to choose, whatever the days. */
const hasPast = (stream: StreamPlan) => stream.windows > 0 || stream.kept_from !== null;

function Plan({ streams }: { streams: readonly StreamPlan[] }) {
  const { t } = useI18n();
  const seconds = streams.reduce((sum, stream) => sum + stream.seconds_at_least, 0);
  return (
    <ul className="plan">
      {streams.map((stream) => {
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
      <li className="dim">{t.past.takes(t.duration(Math.max(1, seconds)))}</li>
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
  const wrong = first === "" || last === "" || last < first;
  const range = { source, first_day: first, end_day: wrong ? last : shifted(last, 1) };
  const plan = useQuery({
    ...queries.backfillPlan(range),
    enabled: !wrong,
    // The streams to choose from stay while other days are counted.
    placeholderData: (before) => (before?.source === source ? before : undefined),
  });
  const offered = plan.data?.streams.filter(hasPast);
  const planned = offered?.filter((stream) => streams.includes(stream.stream)) ?? [];
  const ready = !wrong && planned.length > 0;
  const asked = { ...range, streams: planned.map((stream) => stream.stream) };
  const start = useMutation({
    mutationFn: () => startBackfill(asked),
    onSuccess: async () => {
      await cache.invalidateQueries({ queryKey: queries.sync().queryKey });
      onClose();
    },
  });
  const possible = !plan.isPlaceholderData && planned.some((stream) => stream.windows > 0);
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
        <fieldset hidden={plan.error !== null && !offered}>
          <legend>{t.past.streams}</legend>
          {!offered && !plan.error && (
            <Bones>
              <Bone width="60%" />
            </Bones>
          )}
          {offered?.length === 0 && <p>{t.past.none}</p>}
          {offered?.map(({ stream }) => (
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
          {wrong ? (
            <p>{t.past.wrongDays}</p>
          ) : plan.error ? (
            <Notice tone="critical" title={plan.error.message} />
          ) : offered && planned.length === 0 ? (
            <p>{t.past.nothingChosen}</p>
          ) : offered && !plan.isPlaceholderData ? (
            <Plan streams={planned} />
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
            busy={start.isPending}
            disabled={!ready || !possible}
            onClick={() => start.mutate()}
          >
            {t.past.start}
          </BusyButton>
        </div>
      </form>
    </Dialog>
  );
}
