import { describe, expect, it } from "vitest";
import { findingWords, scheduleWords } from "@/features/sync/words";
import { en } from "@/i18n/en";
import { createFormats } from "@/lib/format";

const f = createFormats("en", "Europe/Moscow");
const t = en(f);

describe("a schedule in words", () => {
  it.each([
    ["*/30 * * * *", "every 30 min"],
    ["* * * * *", "every minute"],
    ["5,35 * * * *", "every 30 min"],
    ["0,15,30,45 * * * *", "every 15 min"],
    ["7 * * * *", "every hour at :07"],
    ["30 3 * * *", "daily at 03:30"],
    ["5,20 * * * *", "schedule 5,20 * * * *"],
    ["0 9 * * 1-5", "schedule 0 9 * * 1-5"],
    ["@hourly", "schedule @hourly"],
  ])("%s is %s", (cron, words) => {
    expect(scheduleWords(t, cron)).toBe(words);
  });
});

describe("a finding in words", () => {
  it("says what came and what is usual", () => {
    const facts = { rows: "3", low: "180", high: "240", day: "2026-11-16", of_day: "yes" };
    expect(findingWords(t, f, "orders", { kind: "too_few_rows", message: "", facts })).toMatch(
      /of Monday, 16 Nov: 3 rows came, 180 to 240 are usual on that weekday\.$/,
    );
  });

  it("names a method that ends, its day and what takes its place", () => {
    const facts = { endpoint: "POST /v1/x", day: "2026-12-31", instead: "/v2/x" };
    expect(findingWords(t, f, "orders", { kind: "retiring", message: "", facts })).toContain(
      "POST /v1/x ends on 31 Dec, the marketplace says; /v2/x takes its place.",
    );
  });
});
