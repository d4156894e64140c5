/** Whether figures are old: the server says so, or the time that passed since its answer does. */

interface Aged {
  freshness: "fresh" | "stale" | "never";
  as_of: string | null;
  stale_after_seconds: number;
}

export function isStale(source: Aged, now: Date): boolean {
  if (source.freshness === "stale") return true;
  if (source.as_of === null) return false;
  return now.getTime() - new Date(source.as_of).getTime() > source.stale_after_seconds * 1000;
}
