import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import type { Reconciliation } from "@/api/types";
import { violations } from "@/testing/axe";
import { openApp } from "@/testing/render";

const compared = (part: Partial<Reconciliation> = {}): Reconciliation => ({
  run_id: 7,
  source: "ozon",
  account: "main",
  stream: "orders",
  first_day: "2026-11-10",
  end_day: "2026-11-17",
  checked_at: "2026-11-22T11:30:00Z",
  findings: 0,
  days: [{ day: "2026-11-10", scheme: null, theirs: 12, ours: 10, place: null }],
  differences: [],
  ...part,
});

const differing = compared({
  findings: 2,
  differences: [
    { kind: "late", harmless: true, rows: 1, units: 1, amount: null, examples: [] },
    {
      kind: "missing_here",
      harmless: false,
      rows: 2,
      units: 2,
      amount: "1400.00",
      examples: [{ day: "2026-11-10", order_id: "P-77", sku: "18", scheme: null, theirs: 2, ours: null, place: null }],
    },
  ],
});

describe("the comparison with the marketplaces", () => {
  it("shows what needs a look before what goes away by itself, with the orders behind it", async () => {
    const calm = compared({ run_id: 8, stream: "stock" });
    const { user, container } = await openApp("/reconcile", { api: { reconciliations: [calm, differing] } });
    const [first, second] = await screen.findAllByRole("region", { name: /^Ozon “main”/ });
    expect(first).toHaveTextContent("2 rows differ");
    expect(second).toHaveTextContent("Both sides are the same.");
    const items = within(first!).getByRole("list", { name: /Orders$/ });
    expect(items.firstElementChild).toHaveTextContent("Missing hereLook at it");
    await user.click(within(first!).getByText("The row behind it"));
    expect(within(first!).getByText("P-77")).toBeVisible();
    expect(within(first!).getByText("marketplace 2 units, here not there")).toBeVisible();
    await user.click(within(first!).getByText("Sums by day"));
    expect(within(first!).getByRole("row", { name: /10 Nov 12 10/ })).toBeVisible();
    expect(await violations(container)).toEqual([]);
  });

  it("names both prices with their currency, and says where there was nothing to compare", async () => {
    const example = {
      day: "2026-11-10",
      order_id: "P-8",
      sku: "18",
      scheme: null,
      theirs: 700,
      ours: 650.5,
      place: null,
    };
    const price = { kind: "price", harmless: false, rows: 1, units: 0, amount: "49.50" } as const;
    const priced = compared({ findings: 1, differences: [{ ...price, examples: [example] }] });
    const none = { day: null, scheme: "FBS", theirs: 0, ours: 0, place: "Химки" };
    const nothing = compared({ run_id: 9, stream: "stock", days: [none] });
    const { user } = await openApp("/reconcile", { api: { reconciliations: [priced, nothing] } });
    const [first, second] = await screen.findAllByRole("region", { name: /^Ozon “main”/ });
    await user.click(within(first!).getByText("The row behind it"));
    expect(within(first!).getByText("marketplace ₽700, here ₽650.50")).toBeVisible();
    expect(second).toHaveTextContent("Nothing to compare on either side");
    expect(second).not.toHaveTextContent("Both sides are the same.");
    await user.click(within(second!).getByText("Sums by scheme"));
    expect(within(second!).getByRole("row", { name: /FBS, Химки 0 0/ })).toBeVisible();
  });

  it("is started from its page, which is linked from the syncs", async () => {
    const { user, api } = await openApp("/sync");
    await user.click(await screen.findByRole("link", { name: "Compare with the marketplaces" }));
    expect(await screen.findByText("Nothing has been compared yet")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Compare now" }));
    await waitFor(() => expect(api.started).toEqual([{ source: null, first_day: null, end_day: null }]));
  });
});
