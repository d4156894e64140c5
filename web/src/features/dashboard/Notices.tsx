/** What a reader must know before trusting the figures: old, or not all of them. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { queries, startSync } from "@/api/queries";
import type { Dashboard, SourceFreshness } from "@/api/types";
import { Notice } from "@/components/states/Notice";
import { BusyButton } from "@/components/ui/BusyButton";
import { useI18n } from "@/i18n";
import { isStale } from "@/lib/freshness";
import { useNow } from "@/lib/hooks";
import { accountTitle } from "@/lib/names";

function TryNow({ source }: { source: string }) {
  const { t } = useI18n();
  const cache = useQueryClient();
  const start = useMutation({
    mutationFn: () => startSync(source),
    onSuccess: () => cache.invalidateQueries({ queryKey: queries.sync().queryKey }),
  });
  return (
    <BusyButton className="small" icon="sync" busy={start.isPending} onClick={() => start.mutate()}>
      {start.isSuccess ? t.sync.asked : t.notice.tryNow}
    </BusyButton>
  );
}

interface StaleProps {
  source: SourceFreshness & { as_of: string };
  title: string;
  current: string[];
}

function StaleNotice({ source, title, current }: StaleProps) {
  const { t, f } = useI18n();
  const now = useNow();
  return (
    <Notice
      tone="low"
      title={t.notice.staleTitle(t.duration(f.minutesSince(source.as_of, now) * 60))}
      action={<TryNow source={source.source} />}
    >
      {t.notice.staleText(title, f.clock(source.as_of, now))} {source.last_error && t.notice.reason(source.last_error)}{" "}
      {current.length > 0 && t.notice.others(t.list(current))}
    </Notice>
  );
}

export function Notices({ dashboard }: { dashboard: Dashboard }) {
  const { t } = useI18n();
  const now = useNow();
  const { sources } = dashboard;
  const titleOf = (source: SourceFreshness) => accountTitle(source, sources);
  const current = sources.filter((source) => source.as_of !== null && !isStale(source, now)).map(titleOf);
  const known = sources.filter((source) => source.as_of !== null).map(titleOf);
  return sources.map((source) => {
    if (source.as_of === null) {
      return (
        <Notice
          key={source.account_id}
          tone="low"
          title={t.notice.partialTitle(titleOf(source))}
          action={<TryNow source={source.source} />}
        >
          {source.last_error && t.notice.reason(source.last_error)} {t.notice.partialText(t.list(known))}
        </Notice>
      );
    }
    if (!isStale(source, now)) return null;
    return (
      <StaleNotice
        key={source.account_id}
        title={titleOf(source)}
        source={{ ...source, as_of: source.as_of }}
        current={current}
      />
    );
  });
}
