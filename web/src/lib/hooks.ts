/** Small hooks that know nothing of micore's data. */
import { useEffect, useRef, useState, useSyncExternalStore } from "react";

const tickMs = 15_000;

/** The present, renewed often enough for "3 min ago". */
export function useNow(everyMs = tickMs): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** True for a second after `value` changed under the reader's eyes. */
export function useChanged(value: unknown, forMs = 1000): boolean {
  const [seen, setSeen] = useState(value);
  const [changed, setChanged] = useState(false);
  if (!Object.is(seen, value)) {
    setSeen(value);
    setChanged(true);
  }
  useEffect(() => {
    if (!changed) return;
    const timer = setTimeout(() => setChanged(false), forMs);
    return () => clearTimeout(timer);
  }, [changed, forMs, seen]);
  return changed;
}

export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = window.matchMedia(query);
      media.addEventListener("change", listener);
      return () => media.removeEventListener("change", listener);
    },
    () => window.matchMedia(query).matches,
  );
}

/** The phone layout's edge; the same as in the stylesheets. */
export const usePhone = () => useMedia("(max-width: 720px)");

/** The width of an element in CSS pixels; `fallback` until it is known. */
export function useWidth<E extends Element>(fallback: number): [React.RefObject<E | null>, number] {
  const ref = useRef<E>(null);
  const [width, setWidth] = useState(fallback);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => {
      const measured = entry?.contentRect.width ?? 0;
      if (measured > 0) setWidth(Math.round(measured));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}

/** The title of the browser's tab while the page is shown. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · micore`;
  }, [title]);
}
