/** An instant told relative to now, with the exact one on hover and focus. */
import { useI18n } from "@/i18n";
import { useNow } from "@/lib/hooks";

export function Age({ at }: { at: string }) {
  const { t, f } = useI18n();
  const minutes = f.minutesSince(at, useNow());
  return (
    <time dateTime={at} title={f.exact(at)}>
      {t.ago(minutes)}
    </time>
  );
}
