/** What stands for products before the first publish: nothing set up, nothing read, or the first read under way. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { queries, startSync } from "@/api/queries";
import { Center } from "@/components/states/Center";
import { canExplain, KeyHelp } from "@/components/setup/KeyHelp";
import { BusyButton } from "@/components/ui/BusyButton";
import { Meter } from "@/components/ui/Meter";
import { useI18n } from "@/i18n";
import { sourceTitle } from "@/lib/names";

export function NotYet() {
  const { t } = useI18n();
  const cache = useQueryClient();
  const { data: overview } = useQuery(queries.sync());
  const start = useMutation({
    mutationFn: () => startSync(null),
    onSuccess: () => cache.invalidateQueries({ queryKey: queries.sync().queryKey }),
  });
  if (!overview) return null;
  const configured = overview.sources.filter((source) => source.configured);
  const run = overview.running[0];
  const openSync = (
    <Link className="btn" to="/sync">
      {t.empty.openSync}
    </Link>
  );
  if (run) {
    const share = run.progress === null ? null : Math.round(run.progress * 100);
    return (
      <Center icon="sync" title={t.empty.syncingTitle(sourceTitle(run.source))} actions={openSync} role="status">
        <p>{t.empty.syncingText(run.rows_read)}</p>
        <Meter className="wide" percent={share} label={t.sync.progress} />
      </Center>
    );
  }
  if (configured.length === 0) {
    return (
      <Center
        icon="plug"
        title={t.empty.noSourceTitle}
        actions={
          <Link className="btn" to="/sync">
            {t.empty.noSourceAction}
          </Link>
        }
      >
        <p>{t.empty.noSourceText}</p>
        <div className="setup">
          {overview.sources
            .filter(({ source }) => canExplain(source))
            .map(({ source, title }) => (
              <section key={source} aria-label={t.setup.title(title)}>
                <h3>{t.setup.title(title)}</h3>
                <KeyHelp source={source} />
              </section>
            ))}
        </div>
      </Center>
    );
  }
  return (
    <Center
      icon="sync"
      title={t.empty.notSyncedTitle}
      actions={
        <>
          <BusyButton className="primary" icon="sync" busy={start.isPending} onClick={() => start.mutate()}>
            {t.empty.notSyncedAction}
          </BusyButton>
          {openSync}
        </>
      }
    >
      <p>{t.empty.notSyncedText(t.list(configured.map((source) => source.title)))}</p>
    </Center>
  );
}
