/** Backups: how they are, what happens next, where the key is, and every attempt. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { createBackup, queries } from "@/api/queries";
import type { Backup, BackupStatus } from "@/api/types";
import { Bone, Bones, RowBones } from "@/components/states/Bones";
import { Center } from "@/components/states/Center";
import { ErrorState } from "@/components/states/ErrorState";
import { Notice } from "@/components/states/Notice";
import { Age } from "@/components/ui/Age";
import { BusyButton } from "@/components/ui/BusyButton";
import type { IconName } from "@/components/ui/Icon";
import { State } from "@/components/ui/Status";
import "@/features/backups/backups.css";
import { useI18n } from "@/i18n";
import { useNow, useTitle } from "@/lib/hooks";
import type { Status } from "@/lib/url-state";

const looks: Record<Backup["state"], { icon: IconName; tone: Status }> = {
  verified: { icon: "ok", tone: "normal" },
  failed: { icon: "error", tone: "critical" },
  deleted: { icon: "clock", tone: "unknown" },
  missing: { icon: "alert", tone: "low" },
  unknown: { icon: "help", tone: "unknown" },
};

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Facts({ status }: { status: BackupStatus }) {
  const { t, f } = useI18n();
  const now = useNow();
  const words = t.backups;
  return (
    <section className="panel backups-panel" aria-labelledby="backups-state">
      <h2 id="backups-state">{words.state}</h2>
      <dl className="backups-facts">
        <Fact name={words.newest}>{status.last_verified ? <Age at={status.last_verified.at} /> : words.none}</Fact>
        <Fact name={words.count}>{f.number(status.verified)}</Fact>
        <Fact name={words.next}>{status.next_at ? f.zonedClock(status.next_at, now) : words.off}</Fact>
        <Fact name={words.kept}>{words.days(status.retention_days)}</Fact>
        <Fact name={words.folder}>
          <span className="mono">{status.folder}</span>
        </Fact>
      </dl>
    </section>
  );
}

function RecoveryKey({ status }: { status: BackupStatus }) {
  const { t } = useI18n();
  const words = t.backups;
  return (
    <section className="panel backups-panel" aria-labelledby="backups-key">
      <h2 id="backups-key">{words.key}</h2>
      <p>
        {words.keyText} <code className="mono">micore backup key</code>
      </p>
      <dl className="backups-facts">
        <Fact name={words.keyFile}>
          <span className="mono">{status.key_made ? status.key_file : words.keyNone}</span>
        </Fact>
      </dl>
    </section>
  );
}

function Row({ backup }: { backup: Backup }) {
  const { t, f } = useI18n();
  const words = t.backups;
  const seconds = backup.copy_seconds + backup.pack_seconds + backup.verify_seconds;
  const made = backup.rows > 0;
  return (
    <li>
      <div className="backups-line">
        <b>{f.exact(backup.at)}</b>
        <State {...looks[backup.state]}>{words.states[backup.state]}</State>
        {backup.trigger && <span className="dim">{words.triggers[backup.trigger]}</span>}
        {backup.size_bytes > 0 && (
          <span className="num">{words.size(f.number(Math.max(1, Math.round(backup.size_bytes / 1e5)) / 10))}</span>
        )}
        {made && <span className="num">{words.rows(backup.rows)}</span>}
        {made && <span className="num">{words.took(f.number(Math.round(seconds * 10) / 10))}</span>}
      </div>
      {backup.problem ? (
        <p>{backup.problem}</p>
      ) : (
        backup.file && backup.state !== "deleted" && <p className="mono dim">{backup.file}</p>
      )}
    </li>
  );
}

function Found({ status, list }: { status: BackupStatus; list: Backup[] }) {
  const { t } = useI18n();
  const words = t.backups;
  return (
    <>
      <Facts status={status} />
      <RecoveryKey status={status} />
      {list.length === 0 ? (
        <Center icon="box" title={words.empty}>
          <p>{words.emptyText}</p>
        </Center>
      ) : (
        <section className="panel backups-panel" aria-labelledby="backups-history">
          <h2 id="backups-history">{words.history}</h2>
          <ul className="backups-list">
            {list.map((backup) => (
              <Row key={backup.id} backup={backup} />
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function Alarms({ status, error, at }: { status: BackupStatus; error: Error | null; at: number }) {
  const { t, f } = useI18n();
  const now = useNow();
  const words = t.backups;
  const { alarm, running_since: since } = status;
  return (
    <>
      {error && (
        <Notice tone="unknown" role="status" title={words.old(f.zonedClock(new Date(at).toISOString(), now))} />
      )}
      {alarm && (
        <Notice tone={alarm === "failed" ? "critical" : "low"} title={words.alarm[alarm]}>
          {status.problem}
        </Notice>
      )}
      {since && <Notice tone="busy" role="status" title={words.running(f.zonedClock(since, now))} />}
    </>
  );
}

export function BackupsPage() {
  const { t } = useI18n();
  const words = t.backups;
  useTitle(words.title);
  const cache = useQueryClient();
  const { data, error, refetch, dataUpdatedAt } = useQuery(queries.backups());
  const create = useMutation({
    mutationFn: createBackup,
    onSettled: () => cache.invalidateQueries({ queryKey: queries.backups().queryKey }),
  });
  return (
    <div className="page">
      <div className="page-head">
        <h1>{words.title}</h1>
        <span className="grow" />
        {data && (
          <BusyButton
            className="primary"
            icon="export"
            busy={create.isPending || data.status.running}
            onClick={() => create.mutate()}
          >
            {words.now}
          </BusyButton>
        )}
      </div>
      <p className="dim">{words.lead}</p>
      {create.error && <Notice tone="critical" role="alert" title={create.error.message} />}
      {data ? (
        <>
          <Alarms status={data.status} error={error} at={dataUpdatedAt} />
          <Found {...data} />
        </>
      ) : error ? (
        <ErrorState error={error} onRetry={() => void refetch()} />
      ) : (
        <Bones>
          <div className="panel">
            <Bone width="30%" />
            <RowBones rows={4} />
          </div>
        </Bones>
      )}
    </div>
  );
}
