import { describe, expect, it } from "vitest";
import { bandOf } from "@/components/ui/StockBar";
import { statusOf, thresholds } from "@/testing/shop";

const bands = ["critical", "low", "normal", "overstock"];

describe("the bar of a quantity", () => {
  it("lies in the band of its status, whatever the quantity", () => {
    for (let available = -3; available < 1500; available += 1) {
      const [index, share] = bandOf(available, thresholds);
      expect(bands[index], String(available)).toBe(statusOf(available));
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThanOrEqual(1);
    }
  });

  it("never shrinks when the quantity grows", () => {
    let reached = 0;
    for (let available = 0; available < 1500; available += 1) {
      const [index, share] = bandOf(available, thresholds);
      expect(index + share).toBeGreaterThanOrEqual(reached);
      reached = index + share;
    }
  });

  it("is full at each band's edge", () => {
    expect(bandOf(5, thresholds)).toEqual([0, 1]);
    expect(bandOf(20, thresholds)).toEqual([1, 1]);
    expect(bandOf(100, thresholds)).toEqual([2, 1]);
    expect(bandOf(0, thresholds)).toEqual([0, 0]);
  });
});
