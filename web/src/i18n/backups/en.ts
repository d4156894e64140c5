/** Backups in English, and the shape that the other languages fill. */
import type { Formats } from "@/lib/format";
import { createPlural } from "@/lib/plural";

const plural = createPlural("en");

export const backups = (f: Formats) => ({
  title: "Backups",
  lead: "Each backup is read back whole before it counts as one.",
  now: "Back up now",
  running: (at: string) => `A backup is being made, since ${at}`,
  alarm: { failed: "The last backup failed", late: "A backup is missing" },
  old: (at: string) => `As of ${at}: the server does not answer now`,
  state: "State",
  newest: "Newest good one",
  none: "none",
  count: "Good ones",
  next: "Next",
  off: "No schedule is set",
  kept: "Kept",
  days: (n: number) => `${f.number(n)} ${plural(n, { one: "day", other: "days" })}, and always the last three`,
  folder: "Folder",
  key: "Recovery key",
  keyText: "Without it no backup can be restored on another machine. Keep a copy elsewhere; this command shows it:",
  keyFile: "File",
  keyNone: "The first backup makes it.",
  history: "History",
  empty: "There is no backup yet",
  emptyText: "A backup holds the whole shop. The first one also makes the recovery key.",
  states: {
    verified: "Good",
    failed: "Failed",
    deleted: "Deleted by age",
    missing: "File missing",
    unknown: "Not checked",
  },
  triggers: { schedule: "by schedule", button: "by button", command: "by command" },
  size: (megabytes: string) => `${megabytes} MB`,
  took: (seconds: string) => `${seconds} s`,
  rows: (n: number) => `${f.number(n)} ${plural(n, { one: "row", other: "rows" })}`,
});

export type BackupWords = ReturnType<typeof backups>;
