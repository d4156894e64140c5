/** English words for days of the past: backfills. */
import type { Formats } from "@/lib/format";

export const pastEn = (f: Formats) => ({
  open: "Read past days again",
  title: "Read past days again",
  lead: "Reads chosen days once more and adds what is missing. Live syncs go on and come first; newer facts stay.",
  source: "Source",
  streams: "What to read",
  from: "From",
  to: "Up to and including",
  days: "By the marketplace’s calendar (Moscow).",
  plan: "What it would take",
  planning: "Counting",
  requests: (count: number) => `at least ${f.number(count)} ${count === 1 ? "request" : "requests"}`,
  takes: (time: string) => `at least ${time} by the marketplace’s limits`,
  here: (rows: string) => `${rows} of these days here already`,
  wrongDays: "The last day lies before the first one.",
  nothingChosen: "Choose at least one stream.",
  none: "Nothing of these days can be read.",
  start: "Start reading",
  cancel: "Cancel",
  range: (days: string) => `past days, ${days}`,
  reading: (source: string, days: string) => `${source}, reading ${days} again`,
  waits: (source: string, days: string) => `${source}, ${days} waits for a live sync to end`,
  windows: (done: number, all: number) => `Window ${f.number(done)} of ${f.number(all)}`,
  found: (fresh: number, changed: number) => `${f.number(fresh)} new, ${f.number(changed)} changed`,
  goesOn: "Stopped, it goes on where it was once the same days are asked for again on that day.",
});

export type PastWords = ReturnType<typeof pastEn>;
