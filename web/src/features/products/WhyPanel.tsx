/** Why this number: the sum, where its parts come from, and the stored responses they were read from. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { rawResponseUrl } from "@/api/client";
import { queries } from "@/api/queries";
import type { WhyPart } from "@/api/types";
import { Bone, Bones } from "@/components/states/Bones";
import { ErrorState } from "@/components/states/ErrorState";
import { Icon } from "@/components/ui/Icon";
import { Json } from "@/features/products/json";
import { useI18n } from "@/i18n";
import { useNow } from "@/lib/hooks";
import { useKey } from "@/lib/keys";

function Part({ part, open }: { part: WhyPart; open: boolean }) {
  const { t, f } = useI18n();
  const now = useNow();
  return (
    <li>
      <details open={open}>
        <summary>
          <b>{part.label}</b>
          <span className="num">{f.number(part.value)}</span>
          <span className="dim">
            {part.scheme}
            {part.read_at && (
              <time dateTime={part.read_at} title={f.exact(part.read_at)}>
                {" · "}
                {t.why.read(f.clock(part.read_at, now))}
              </time>
            )}
          </span>
        </summary>
        <div className="origin">
          {part.endpoint && (
            <h4>
              {t.why.stored} <span className="mono">{part.endpoint}</span>
            </h4>
          )}
          {part.excerpt && (
            <pre tabIndex={0}>
              <Json text={part.excerpt} mark={part.value} />
            </pre>
          )}
          {part.response ? (
            <p>
              <a className="link" href={rawResponseUrl(part.response)} target="_blank" rel="noreferrer">
                {t.why.openWhole}
              </a>{" "}
              <span className="dim" title={part.response}>
                SHA-256 {part.response.slice(0, 8)}…
              </span>
            </p>
          ) : (
            <p className="dim">{t.why.agedOut}</p>
          )}
        </div>
      </details>
    </li>
  );
}

export function WhyPanel({ id, onClose }: { id: string; onClose: () => void }) {
  const { t, f } = useI18n();
  const why = useQuery(queries.why(id));
  const close = useRef<HTMLButtonElement>(null);
  useKey("Escape", onClose);
  useEffect(() => {
    const before = document.activeElement;
    close.current?.focus({ preventScroll: true });
    return () => {
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, []);
  const parts = why.data?.parts ?? [];
  const holding = parts.filter((part) => part.value !== 0);
  const empty = parts.length - holding.length;
  const value = f.number(why.data?.value);
  return (
    <aside className="why" aria-label={t.why.title(value)}>
      <div className="why-head">
        <div className="grow">
          <h2>{t.why.title(value)}</h2>
          {why.data?.known_at && <p className="dim">{t.why.knownAt(f.exact(why.data.known_at))}</p>}
        </div>
        <button type="button" className="icon-btn" aria-label={t.why.close} ref={close} onClick={onClose}>
          <Icon name="x" />
        </button>
      </div>
      {why.error && !why.data ? (
        <ErrorState bare error={why.error} onRetry={() => void why.refetch()} />
      ) : !why.data ? (
        <Bones>
          <Bone width="80%" />
          <Bone width="60%" />
          <Bone width="100%" height={120} />
        </Bones>
      ) : parts.length === 0 ? (
        <p>{t.why.none}</p>
      ) : (
        <>
          <section>
            <h3>{t.why.sum}</h3>
            <dl className="lines">
              {holding.map((part, index) => (
                <div
                  key={`${part.label} ${part.scheme} ${index}`}
                  data-op={index === 0 ? "" : (part.value ?? 0) < 0 ? "−" : "+"}
                >
                  <dt>
                    {part.label}
                    <small>{part.scheme}</small>
                  </dt>
                  <dd>{f.number(part.value === null ? null : index === 0 ? part.value : Math.abs(part.value))}</dd>
                </div>
              ))}
              {empty > 0 && (
                <div data-op={holding.length === 0 ? "" : "+"}>
                  <dt>{t.why.emptyParts(empty)}</dt>
                  <dd>{f.number(0)}</dd>
                </div>
              )}
              <div className="result" data-op="=">
                <dt>{t.why.available}</dt>
                <dd>{value}</dd>
              </div>
            </dl>
          </section>
          <section>
            <h3>{t.why.sources}</h3>
            <ul className="src">
              {parts.map((part, index) => (
                <Part key={`${part.label} ${part.scheme} ${index}`} part={part} open={index === 0} />
              ))}
            </ul>
          </section>
        </>
      )}
    </aside>
  );
}
