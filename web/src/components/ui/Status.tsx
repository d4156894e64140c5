/** A status as shape, letter, word and colour together; never by colour alone. */
import { useI18n } from "@/i18n";
import type { Status as StatusName } from "@/lib/url-state";

/** The mark alone: octagon C, triangle L, circle with a tick, square with an arrow, dashed circle with a question. */
export function Shape({ status }: { status: StatusName }) {
  return (
    <svg className={`shape ${status}`} viewBox="0 0 16 16" aria-hidden="true">
      {status === "critical" && (
        <>
          <path fill="currentColor" d="M5 .6h6L15.4 5v6L11 15.4H5L.6 11V5z" />
          <text x="8" y="11.4">
            C
          </text>
        </>
      )}
      {status === "low" && (
        <>
          <path fill="currentColor" d="M8 1 15.6 14.7H.4z" stroke="currentColor" strokeLinejoin="round" />
          <text x="8" y="13.2" style={{ fontSize: "8.5px" }}>
            L
          </text>
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
          <text x="8" y="11.4" style={{ fill: "currentColor" }}>
            ?
          </text>
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
