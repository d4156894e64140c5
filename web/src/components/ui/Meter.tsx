/** How far something is; a calm full-length pattern where nobody can tell. */
import { useI18n } from "@/i18n";

interface Props {
  /** Null where nobody can tell. */
  percent: number | null;
  label: string;
  className?: string;
}

export function Meter({ percent, label, className = "" }: Props) {
  const { t } = useI18n();
  if (percent === null) {
    return (
      <div className={`meter untold ${className}`} role="progressbar" aria-label={label} title={t.sync.noProgress}>
        <i />
      </div>
    );
  }
  return (
    <div
      className={`meter ${className}`}
      role="progressbar"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      aria-label={label}
    >
      <i style={{ width: `${percent}%` }} />
    </div>
  );
}
