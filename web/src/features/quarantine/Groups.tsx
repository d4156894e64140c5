/** What waits: first what needs a person, then what the syncs settle by themselves. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { queries, replayRows } from "@/api/queries";
import type { QuarantineGroup } from "@/api/types";
import { Bone, Bones, RowBones } from "@/components/states/Bones";
import { Center } from "@/components/states/Center";
import { ErrorState } from "@/components/states/ErrorState";
import { Notice } from "@/components/states/Notice";
import { BusyButton } from "@/components/ui/BusyButton";
import { reasonWords } from "@/features/quarantine/reason";
import { Asked, DropForm, useSettling } from "@/features/quarantine/Settling";
import { streamName } from "@/features/sync/words";
import { useI18n } from "@/i18n";
import { useNow } from "@/lib/hooks";
import { sourceTitle } from "@/lib/names";
import type { QuarantineSearch } from "@/lib/url-state";

const ways = ["decision", "catalogue", "reading"] as const;
type Way = (typeof ways)[number];

const wayOf = (group: QuarantineGroup): Way =>
  group.may_pass ? "catalogue" : group.replayable ? "decision" : "reading";

const isMeant = (group: QuarantineGroup, { source, account, stream, rule }: QuarantineSearch) =>
  [undefined, group.source].includes(source) &&
  [undefined, group.account_id].includes(account) &&
  [undefined, group.stream].includes(stream) &&
  [undefined, group.rule].includes(rule);

function Group({ group, onDropped }: { group: QuarantineGroup; onDropped: (rows: number) => void }) {
  const { t, f } = useI18n();
  const now = useNow();
  const q = t.quarantine;
  const [dropping, setDropping] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const { source, account_id, stream, rule } = group;
  const meant = { source, account_id, stream, rule };
  const replay = useSettling(() => replayRows(meant));
  const title = `${sourceTitle(source)}, ${q.group(group.rows, streamName(t, stream))}`;
  const words = reasonWords(t, rule);
  const facts = [
    group.account,
    q.since(f.clock(group.first_at, now)),
    q.lastTold(f.clock(group.last_at, now)),
    ...(group.tried > 0 ? [q.triedBefore(group.tried)] : []),
  ];
  return (
    <li className="q-group">
      <div className="grow">
        <h4>{title}</h4>
        <p className="q-rule">{words}</p>
        <p className="dim">{facts.join(" · ")}</p>
        {group.asked > 0 && <p className="q-asked">{q.asked(group.asked)}</p>}
        {replay.error && <Notice tone="critical" role="alert" title={replay.error.message} />}
        {replay.data && <Asked settled={replay.data} />}
      </div>
      <div className="btns">
        <Link
          className="btn small"
          to="/quarantine"
          search={{ source, account: account_id, stream, rule }}
          aria-label={q.showOf(`${title}, ${words}`)}
        >
          {q.show}
        </Link>
        {group.replayable && (
          <BusyButton
            className="small"
            icon="sync"
            busy={replay.isPending}
            onClick={() => replay.mutate()}
            label={q.replayOf(`${title}, ${words}`)}
          >
            {q.replay}
          </BusyButton>
        )}
        <button
          ref={opener}
          type="button"
          className="btn small"
          aria-expanded={dropping}
          aria-label={q.dropOf(`${title}, ${words}`)}
          onClick={() => setDropping(!dropping)}
        >
          {q.drop}
        </button>
      </div>
      {dropping && (
        <DropForm
          meant={meant}
          rows={group.rows}
          onDropped={onDropped}
          onClose={() => {
            setDropping(false);
            opener.current?.focus();
          }}
        />
      )}
    </li>
  );
}

/** The groups that the address means; nothing where those are settled, their rows stand below. */
export function Groups({ search }: { search: QuarantineSearch }) {
  const { t, f } = useI18n();
  const q = t.quarantine;
  const { data, error, refetch } = useQuery(queries.quarantine());
  const [dropped, setDropped] = useState<number | null>(null);
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
  const groups = data.groups.filter((group) => isMeant(group, search));
  const waiting = groups.length < data.groups.length ? groups.reduce((sum, { rows }) => sum + rows, 0) : data.waiting;
  return (
    <>
      {dropped !== null && (
        <Notice
          tone="busy"
          icon="check"
          role="status"
          title={q.dropped(dropped)}
          action={
            <Link className="btn small" to="/quarantine" search={{ state: "dropped" }}>
              {q.show}
            </Link>
          }
        />
      )}
      {data.groups.length === 0 && (
        <Center status="normal" title={q.none}>
          <p>{q.noneText}</p>
        </Center>
      )}
      {groups.length > 0 && (
        <section className="panel list" aria-labelledby="groups-title">
          <div className="panel-head">
            <h2 id="groups-title">{q.decide}</h2>
            <span className="note">{q.waiting(waiting)}</span>
          </div>
          {ways
            .map((way) => ({ way, of: groups.filter((group) => wayOf(group) === way) }))
            .filter(({ of }) => of.length > 0)
            .map(({ way, of }) => (
              <section key={way} aria-labelledby={`way-${way}`}>
                <div className="q-way">
                  <h3 id={`way-${way}`}>
                    {q.ways[way]} <span className="note">{f.number(of.length)}</span>
                  </h3>
                  <p className="dim">{q.next[way]}</p>
                </div>
                <ul className="q-groups">
                  {of.map((group) => (
                    <Group
                      key={`${group.account_id} ${group.stream} ${group.rule}`}
                      group={group}
                      onDropped={setDropped}
                    />
                  ))}
                </ul>
              </section>
            ))}
          {data.groups_total > data.groups.length && groups.length === data.groups.length && (
            <p className="list-foot dim">{q.largest(data.groups.length, data.groups_total)}</p>
          )}
        </section>
      )}
    </>
  );
}
