/** Words for what the API names by key: streams, schedules. An unknown key is shown as it came. */
import type { Finding, Run } from "@/api/types";
import type { Messages } from "@/i18n/en";
import type { Formats } from "@/lib/format";

export const streamName = (t: Messages, stream: string): string =>
  (t.sync.streams as Record<string, string | undefined>)[stream] ?? stream;

export const readingStream = (t: Messages, stream: string): string =>
  (t.sync.readingStream as Record<string, string | undefined>)[stream] ?? stream;

/** The days that a backfill reads, the last one included; null for a live sync. */
export function daysOf(f: Formats, run: Run): string | null {
  if (run.first_day === null || run.end_day === null) return null;
  const last = new Date(new Date(`${run.end_day}T00:00:00Z`).getTime() - 86_400_000).toISOString().slice(0, 10);
  return f.dayRange(run.first_day, last);
}

/** The common cron expressions in words; the rest as written. */
export function scheduleWords(t: Messages, cron: string): string {
  const [minute = "", hour = "", ...rest] = cron.trim().split(/\s+/);
  if (rest.length !== 3 || rest.some((field) => field !== "*")) return t.sync.cron(cron);
  if (minute === "*" && hour === "*") return t.sync.every(1);
  const every = /^\*\/(\d+)$/.exec(minute)?.[1];
  if (every !== undefined && hour === "*") return t.sync.every(Number(every));
  // "5,35 * * * *" is every 30 minutes when the minutes are evenly spaced.
  const minutes = minute.split(",").map(Number);
  if (hour === "*" && minutes.every((one) => Number.isInteger(one) && one >= 0 && one < 60)) {
    const first = minutes[0] ?? 0;
    if (minutes.length === 1) return t.sync.hourly(first);
    const step = 60 / minutes.length;
    if (minutes.every((one, index) => one === first + index * step)) return t.sync.every(step);
  }
  if (/^\d+$/.test(minute) && /^\d+$/.test(hour))
    return t.sync.daily(`${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`);
  return t.sync.cron(cron);
}

/** What a stream of a run has to say, in the reader's language; what we have no words for as the server said it. */
export function findingWords(t: Messages, f: Formats, stream: string, finding: Finding): string {
  const { facts } = finding;
  const name = streamName(t, stream);
  const said = t.sync.finding;
  switch (finding.kind) {
    case "too_few_rows": {
      const usual = [facts.rows, facts.low, facts.high].map(Number) as [number, number, number];
      const day = f.weekday(facts.day ?? "");
      return facts.of_day === "yes" ? said.fewOfDay(name, day, ...usual) : said.few(name, ...usual);
    }
    case "unknown_skus":
      return said.unknownSkus(name, Number(facts.count), facts.examples ?? "");
    case "new_field":
      return said.newField(name, facts.field ?? "", facts.endpoint ?? "");
    case "vanished_field":
      return said.vanishedField(name, facts.field ?? "", facts.endpoint ?? "");
    case "changed_type":
      return said.changedType(name, facts.field ?? "", facts.endpoint ?? "", facts.before ?? "", facts.now ?? "");
    case "new_value":
      return said.newValue(name, facts.field ?? "", facts.endpoint ?? "", facts.now ?? "");
    case "retiring":
      return facts.day
        ? said.retiring(name, facts.endpoint ?? "", f.day(facts.day), facts.instead ?? "")
        : said.announced(name, facts.endpoint ?? "", facts.notice ?? "");
    default:
      return finding.message;
  }
}
