import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LiveFeed } from "@/api/live";
import { createQueryClient, queries } from "@/api/queries";
import type { SyncOverview } from "@/api/types";
import { FakeStream } from "@/testing/render";
import { runningRun, syncOverview } from "@/testing/shop";

function feedWithLines() {
  const cache = createQueryClient();
  const invalidated = vi.spyOn(cache, "invalidateQueries").mockResolvedValue();
  const lines: FakeStream[] = [];
  const feed = new LiveFeed(cache, () => {
    const line = new FakeStream();
    lines.push(line);
    return line;
  });
  feed.start();
  const keys = () => invalidated.mock.calls.map(([filter]) => filter?.queryKey?.join("/"));
  const line = () => {
    const last = lines.at(-1);
    if (!last) throw new Error("no line was opened");
    return last;
  };
  return { cache, feed, lines, line, keys };
}

const breakLine = (line: FakeStream) => {
  line.readyState = 2;
  line.say("error");
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the live feed", () => {
  it("trusts what is shown when it connects for the first time", () => {
    const { feed, line, keys } = feedWithLines();
    expect(feed.state).toBe("connecting");
    line().say("hello", { generation: 7 });
    expect(feed.state).toBe("open");
    expect(keys()).toEqual([]);
  });

  it("renews all data at a publish", () => {
    const { line, keys } = feedWithLines();
    line().say("hello", { generation: 7 });
    line().say("publish", { generation: 8 });
    expect(keys()).toEqual(["data", "sync/overview"]);
  });

  it("follows a run, and looks again when it ends", () => {
    const { cache, line, keys } = feedWithLines();
    const key = queries.sync().queryKey;
    cache.setQueryData(key, syncOverview());
    line().say("run", runningRun({ rows_read: 5 }));
    line().say("run", runningRun({ rows_read: 9 }));
    expect(cache.getQueryData<SyncOverview>(key)?.running.map((run) => run.rows_read)).toEqual([9]);
    line().say("run", runningRun({ state: "done" }));
    expect(cache.getQueryData<SyncOverview>(key)?.running).toEqual([]);
    expect(keys()).toEqual(["sync", "quarantine"]);
  });

  it("waits longer each time a line is refused, and never gives up", () => {
    const { lines, line } = feedWithLines();
    const gaps: number[] = [];
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const before = lines.length;
      breakLine(line());
      let waited = 0;
      while (lines.length === before) {
        vi.advanceTimersByTime(250);
        waited += 250;
      }
      gaps.push(waited);
    }
    expect(gaps[0]).toBeLessThanOrEqual(1500);
    expect(gaps[3]).toBeGreaterThanOrEqual(6000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(37_750);
    expect(gaps.at(-1)).toBeGreaterThanOrEqual(22_500);
  });

  it("says that the line is lost only when it stays lost", () => {
    const { feed, line } = feedWithLines();
    line().say("hello", { generation: 7 });
    // The browser is trying again by itself.
    line().readyState = 0;
    line().say("error");
    vi.advanceTimersByTime(1000);
    expect(feed.state).toBe("open");
    vi.advanceTimersByTime(2000);
    expect(feed.state).toBe("lost");
  });

  it("renews everything after a time without a line", () => {
    const { feed, line, keys } = feedWithLines();
    line().say("hello", { generation: 7 });
    breakLine(line());
    vi.advanceTimersByTime(5000);
    line().say("hello", { generation: 7 });
    expect(feed.state).toBe("open");
    expect(keys()).toEqual(["data", "sync", "quarantine"]);
  });

  it("tries at once when asked, or when the machine is back on its network", () => {
    const { feed, lines, line } = feedWithLines();
    line().say("hello", { generation: 7 });
    window.dispatchEvent(new Event("offline"));
    expect(feed.state).toBe("open");
    line().readyState = 0;
    line().say("error");
    vi.advanceTimersByTime(5000);
    window.dispatchEvent(new Event("online"));
    expect(lines).toHaveLength(2);
    feed.retryNow();
    expect(lines).toHaveLength(3);
  });

  it("is silent once stopped", () => {
    const { feed, lines, line } = feedWithLines();
    breakLine(line());
    feed.stop();
    vi.advanceTimersByTime(60_000);
    expect(lines).toHaveLength(1);
  });
});
