/** A status as shape, word and colour together; never by colour alone, and without a letter of any language. */
import { Icon, type IconName } from "@/components/ui/Icon";
import { useI18n } from "@/i18n";
import type { Status as StatusName } from "@/lib/url-state";

/** Octagon with a call, triangle on its tip with a bar, disc with a tick, square with an arrow, dashed ring with a dash. */
export function Shape({ status }: { status: StatusName }) {
  return (
    <svg className={`shape ${status}`} viewBox="0 0 16 16" aria-hidden="true">
      {status === "critical" && (
        <>
          <path fill="currentColor" d="M5 .6h6L15.4 5v6L11 15.4H5L.6 11V5z" />
          <path className="on" d="M8 4.1v4.6M8 11.8v.1" />
        </>
      )}
      {status === "low" && (
        <>
          <path fill="currentColor" d="M8 15 .5 1.8h15z" stroke="currentColor" strokeLinejoin="round" />
          <path className="on" d="M5.4 5.3h5.2" />
        </>
      )}
      {status === "normal" && (
        <>
          <circle fill="currentColor" cx="8" cy="8" r="7.3" />
          <path className="on" d="m4.8 8.3 2.3 2.3 4.2-4.9" />
        </>
      )}
      {status === "overstock" && (
        <>
          <rect fill="currentColor" x="1" y="1" width="14" height="14" rx="1.5" />
          <path className="on" d="M8 12V4.5M4.8 7.5 8 4.3l3.2 3.2" />
        </>
      )}
      {status === "unknown" && (
        <>
          <circle cx="8" cy="8" r="6.7" fill="none" stroke="currentColor" strokeWidth="1.5" strokeDasharray="2.6 2" />
          <path d="M5.6 8h4.8" stroke="currentColor" strokeWidth="1.7" strokeLinecap="round" />
        </>
      )}
    </svg>
  );
}

/** Shape and word; tinted as a pill in tables, plain in running text. */
export function Status({ status, pill = false }: { status: StatusName; pill?: boolean }) {
  const { t } = useI18n();
  return (
    <span className={`status ${status} ${pill ? "pill" : ""}`}>
      <Shape status={status} />
      {t.status[status]}
    </span>
  );
}

/** How far something is or how it ended, as a pill: an icon of its own and a word, in the tint of a status. */
export function State({ icon, tone, children }: { icon: IconName; tone: StatusName; children: string }) {
  return (
    <span className={`status pill ${tone}`}>
      <Icon name={icon} />
      {children}
    </span>
  );
}
