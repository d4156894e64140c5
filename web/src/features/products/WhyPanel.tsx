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

interface Group {
  scheme: string;
  places: number;
  /** Null while no place of the scheme has told. */
  value: number | null;
}

/** The parts by the way they are sold, so that the sum stays short however many places there are. */
function bySchemes(parts: readonly WhyPart[]): Group[] {
  const groups = new Map<string, Group>();
  for (const { scheme, value } of parts) {
    const group = groups.get(scheme) ?? { scheme, places: 0, value: null };
    // Quantities have three decimals; thousandths are added, so that none is lost in a float.
    const sum =
      value === null ? group.value : (Math.round((group.value ?? 0) * 1000) + Math.round(value * 1000)) / 1000;
    groups.set(scheme, { scheme, places: group.places + 1, value: sum });
  }
  return [...groups.values()];
}

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
  const parts = [...(why.data?.parts ?? [])].sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
  const groups = bySchemes(parts);
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
              {groups.map(({ scheme, places, value: part }, index) => (
                <div key={scheme} data-op={index === 0 ? "" : "+"}>
                  <dt>
                    {scheme}
                    <small>{t.why.places(places)}</small>
                  </dt>
                  <dd>{f.number(part)}</dd>
                </div>
              ))}
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
