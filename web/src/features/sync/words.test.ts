import { describe, expect, it } from "vitest";
import { scheduleWords } from "@/features/sync/words";
import { en } from "@/i18n/en";
import { createFormats } from "@/lib/format";

const t = en(createFormats("en", "Europe/Moscow"));

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
