import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import type { DifferenceRow, Reconciliation } from "@/api/types";
import { violations } from "@/testing/axe";
import { openApp } from "@/testing/render";

const noDay = {
  day: null,
  scheme: null,
  theirs: null,
  ours: null,
  place: null,
  pooled: false,
  member: null,
  theirs_money: null,
  ours_money: null,
};

const compared = (part: Partial<Reconciliation> = {}): Reconciliation => ({
  run_id: 7,
  source: "ozon",
  account: "main",
  stream: "orders",
  first_day: "2026-11-10",
  end_day: "2026-11-17",
  checked_at: "2026-11-22T11:30:00Z",
  findings: 0,
  days: [
    { ...noDay, day: "2026-11-10", theirs: 12, ours: 10 },
    { ...noDay, place: "Химки", theirs: 11, ours: 9 },
    { ...noDay, theirs: 1, ours: 1 },
  ],
  differences: [],
  statements: [],
  by_report: false,
  compared: true,
  untold: [],
  failed_schemes: [],
  failed: null,
  ...part,
});

const row = (part: Partial<DifferenceRow>): DifferenceRow => ({
  day: "2026-11-10",
  order_id: null,
  sku: null,
  scheme: null,
  theirs: null,
  ours: null,
  place: null,
  last_day: null,
  member: null,
  theirs_money: null,
  ours_money: null,
  ...part,
});
const rub = (amount: string) => ({ amount, currency: "RUB" });

const differing = compared({
  findings: 2,
  differences: [
    { kind: "late", harmless: true, rows: 1, units: 1, amounts: [], examples: [] },
    {
      kind: "missing_here",
      harmless: false,
      rows: 2,
      units: 2,
      amounts: [rub("1400.00")],
      examples: [row({ order_id: "P-77", sku: "18", theirs: 2 })],
    },
  ],
});

describe("the comparison with the marketplaces", () => {
  it("shows what needs a look before what goes away by itself, with the orders behind it", async () => {
    const calm = compared({ run_id: 8, stream: "stock" });
    const { user, container } = await openApp("/reconcile", { api: { reconciliations: [calm, differing] } });
    const [first, second] = await screen.findAllByRole("region", { name: /^Ozon “main”/ });
    expect(first).toHaveTextContent("Differing: 2 rows");
    expect(second).toHaveTextContent("Both sides are the same.");
    const items = within(first!).getByRole("list", { name: /Orders$/ });
    expect(items.firstElementChild).toHaveTextContent("Missing hereLook at it");
    await user.click(within(first!).getByText("The row behind it"));
    expect(within(first!).getByText("P-77")).toBeVisible();
    expect(within(first!).getByText("marketplace 2 units, here nothing")).toBeVisible();
    await user.click(within(first!).getByText("Sums by day and place"));
    expect(within(first!).getByRole("row", { name: /10 Nov 12 10/ })).toBeVisible();
    expect(within(first!).getByRole("row", { name: "Химки 11 9" })).toBeVisible();
    expect(within(first!).getByRole("row", { name: "Place not told 1 1" })).toBeVisible();
    expect(await violations(container)).toEqual([]);
  });

  it("names both prices with their currency, and says where there was nothing to compare", async () => {
    const example = row({ order_id: "P-8", sku: "18", theirs: 700, ours: 650.5 });
    const price = { kind: "price" as const, harmless: false, rows: 1, units: 0, amounts: [rub("49.50")] };
    const priced = compared({ findings: 1, differences: [{ ...price, examples: [example] }] });
    const none = { ...noDay, scheme: "FBS", theirs: 0, ours: 0, place: "Химки" };
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

  it("shows payouts report by report with their sums, and names the one that counts otherwise", async () => {
    const week = {
      first_day: "2026-11-09",
      last_day: "2026-11-15",
      made_on: "2026-11-16",
      reports: 2,
      theirs: rub("8062.00"),
      ours: rub("7600.00"),
      members: [
        { member: "for_pay", theirs: rub("8293.00"), ours: rub("8293.00"), counted: true },
        { member: "penalty", theirs: rub("-231.00"), ours: rub("-231.00"), counted: true },
        { member: "storage", theirs: rub("-90.00"), ours: null, counted: true },
        { member: "discount", theirs: rub("19.00"), ours: null, counted: false },
        { member: "surprise", theirs: rub("1.00"), ours: rub("1.00"), counted: true },
      ],
    };
    const other = { ...week, first_day: "2026-11-02", last_day: "2026-11-08", reports: 1, ours: week.theirs };
    const named = row({
      day: "2026-11-09",
      last_day: "2026-11-15",
      member: "penalty",
      theirs_money: rub("231.00"),
      ours_money: rub("-231.00"),
    });
    const sign = { kind: "sign" as const, harmless: false, rows: 1, units: 0, amounts: [rub("462.00")] };
    const paid = compared({
      source: "wildberries",
      stream: "finance",
      findings: 1,
      days: [],
      by_report: true,
      differences: [{ ...sign, examples: [named] }],
      statements: [other, week],
    });
    const { user, container } = await openApp("/reconcile", { api: { reconciliations: [paid] } });
    const panel = await screen.findByRole("region", { name: "Wildberries “main”, Finances" });
    expect(panel).toHaveTextContent("Counts otherwise");
    expect(panel).toHaveTextContent("Theirs less ours₽462");
    expect(panel).toHaveTextContent("Please report it");
    expect(panel).not.toHaveTextContent("Units");
    await user.click(within(panel).getByText("The row behind it"));
    expect(within(panel).getByText("marketplace ₽231, here −₽231")).toBeVisible();
    expect(panel).toHaveTextContent("9–15 Nov, 2 reports marketplace pays ₽8,062, by what is stored here ₽7,600");
    expect(panel).toHaveTextContent("2–8 Nov ₽8,062 on both sides");
    await user.click(within(panel).getByText("9–15 Nov, 2 reports"));
    const table = within(panel).getByRole("table", { name: "9–15 Nov, 2 reports" });
    expect(within(table).getByRole("row", { name: "Storage −₽90 nothing" })).toBeVisible();
    expect(within(table).getByRole("row", { name: /told beside, not paid ₽19 –/ })).toBeVisible();
    expect(within(table).getByRole("row", { name: "surprise ₽1 ₽1" })).toBeVisible();
    expect(within(table).getByRole("row", { name: "Paid out ₽8,062 ₽7,600" })).toBeVisible();
    expect(await violations(container)).toEqual([]);
  });

  it("shows the newest reports, and all on request", async () => {
    const weeks = ["02", "09", "16", "23", "30"].map((day) => ({
      first_day: `2026-03-${day}`,
      last_day: `2026-03-${day}`,
      made_on: "2026-04-01",
      reports: 1,
      theirs: rub("10.00"),
      ours: rub("10.00"),
      members: [],
    }));
    const paid = compared({
      source: "wildberries",
      stream: "finance",
      days: [],
      by_report: true,
      statements: weeks,
    });
    const { user } = await openApp("/reconcile", { api: { reconciliations: [paid] } });
    const panel = await screen.findByRole("region", { name: "Wildberries “main”, Finances" });
    expect(panel).toHaveTextContent("Both sides are the same.");
    expect(within(panel).getAllByRole("table", { hidden: true })).toHaveLength(4);
    expect(panel).not.toHaveTextContent("2 Mar");
    await user.click(within(panel).getByRole("button", { name: "Show all 5 reports" }));
    expect(panel).toHaveTextContent("2 Mar");
  });

  it("shows sales in money by day, says what is not told, and never agreement where nothing is told", async () => {
    const day = { ...noDay, day: "2026-11-10" };
    const sales = compared({
      stream: "sales",
      findings: 1,
      days: [
        { ...day, member: "sale", theirs_money: rub("1400.00"), ours_money: rub("700.00") },
        { ...day, member: "commission", theirs_money: rub("-280.00"), ours_money: null },
      ],
      differences: [
        {
          kind: "amount",
          harmless: false,
          rows: 1,
          units: 0,
          amounts: [rub("700.00")],
          examples: [row({ member: "sale", theirs_money: rub("1400.00"), ours_money: rub("700.00") })],
        },
      ],
      untold: ["sales_units", "sales_places"],
    });
    const untold = compared({ run_id: 9, stream: "finance", compared: false, days: [] });
    const { user, container } = await openApp("/reconcile", { api: { reconciliations: [untold, sales] } });
    const [first, second] = await screen.findAllByRole("region", { name: /^Ozon “main”/ });
    expect(first).toHaveTextContent(
      "Not told by the marketplace, so not compared: how many were sold, which warehouse sales came from.",
    );
    expect(first).toHaveTextContent("Theirs less ours₽700");
    await user.click(within(first!).getByText("Sums by day"));
    expect(within(first!).getByRole("row", { name: "10 Nov, Sold ₽1,400 ₽700" })).toBeVisible();
    expect(within(first!).getByRole("row", { name: "10 Nov, Commission −₽280 nothing" })).toBeVisible();
    expect(second).toHaveTextContent("Not compared");
    expect(second).not.toHaveTextContent("Not told by the marketplace");
    expect(second).not.toHaveTextContent("Both sides are the same.");
    expect(second).not.toHaveTextContent("Nothing to compare on either side");
    expect(await violations(container)).toEqual([]);
  });

  it("shows finances that are told by day as sums of days, with no advice about reports", async () => {
    const day = {
      ...noDay,
      day: "2026-11-10",
      member: "accrued",
      theirs_money: rub("90.00"),
      ours_money: rub("-90.00"),
    };
    const sign = { kind: "sign" as const, harmless: false, rows: 1, units: 0, amounts: [rub("180.00")], examples: [] };
    const finance = compared({ stream: "finance", findings: 1, days: [day], differences: [sign] });
    const { user } = await openApp("/reconcile", { api: { reconciliations: [finance] } });
    const panel = await screen.findByRole("region", { name: "Ozon “main”, Finances" });
    expect(panel).toHaveTextContent("Theirs less ours₽180");
    expect(panel).not.toHaveTextContent("Please report it");
    await user.click(within(panel).getByText("Sums by day"));
    expect(within(panel).getByRole("row", { name: "10 Nov, All that was booked ₽90 −₽90" })).toBeVisible();
  });

  it("gives no advice about reports where finances are told by day and no day has a sum", async () => {
    const sign = { kind: "sign" as const, harmless: false, rows: 1, units: 0, amounts: [rub("180.00")], examples: [] };
    const finance = compared({ stream: "finance", findings: 1, days: [], differences: [sign] });
    const nothing = compared({ run_id: 9, stream: "finance", days: [] });
    const { container } = await openApp("/reconcile", { api: { reconciliations: [finance, nothing] } });
    const [first, second] = await screen.findAllByRole("region", { name: "Ozon “main”, Finances" });
    expect(first).not.toHaveTextContent("Please report it");
    expect(second).toHaveTextContent("Nothing to compare on either side");
    expect(second).not.toHaveTextContent("Sums by day");
    expect(container.querySelector(".compare-statements")).toBeNull();
  });

  it("says which scheme was not compared, and why, and does not call the rest agreement", async () => {
    const why = "wildberries has not made the report yet.";
    const days = [{ ...noDay, scheme: "FBS", theirs: 5, ours: 5 }];
    const stock = compared({ stream: "stock", days, failed_schemes: [{ scheme: "FBW", why }] });
    const { container } = await openApp("/reconcile", { api: { reconciliations: [stock] } });
    const panel = await screen.findByRole("region", { name: "Ozon “main”, Stock" });
    expect(panel).toHaveTextContent(`FBW was not compared. ${why}`);
    expect(panel).toHaveTextContent("Compared in part");
    expect(panel).not.toHaveTextContent("Both sides are the same.");
    expect(await violations(container)).toEqual([]);
  });

  it("calls warehouses that are told together by no single one’s name", async () => {
    const days = [{ ...noDay, pooled: true, theirs: 5, ours: 5 }];
    const orders = compared({ source: "wildberries", days, untold: ["marketplace_order_places"] });
    const { user } = await openApp("/reconcile", { api: { reconciliations: [orders] } });
    const panel = await screen.findByRole("region", { name: /^Wildberries/ });
    expect(panel).toHaveTextContent("not compared: which of the marketplace’s warehouses orders ship from");
    await user.click(within(panel).getByText("Sums by day and place"));
    expect(within(panel).getByRole("row", { name: "All Wildberries warehouses together 5 5" })).toBeVisible();
  });

  it("says above an older result that the last attempt failed, when and why", async () => {
    const failed = { run_id: 9, at: "2026-11-22T11:50:00Z", why: "ozon does not answer." };
    const { container } = await openApp("/reconcile", { api: { reconciliations: [compared({ failed })] } });
    const panel = await screen.findByRole("region", { name: "Ozon “main”, Orders" });
    expect(panel).toHaveTextContent(
      /The last comparison failed \(.*50.*\); below is the one before. ozon does not answer./,
    );
    expect(panel).toHaveTextContent("Not compared anew");
    expect(panel).not.toHaveTextContent("Both sides are the same.");
    expect(await violations(container)).toEqual([]);
  });

  it("says that a stream was never compared because its first attempt failed, before what was compared", async () => {
    const failed = { run_id: 9, at: "2026-11-22T11:50:00Z", why: "ozon does not answer." };
    const never = compared({ stream: "stock", compared: false, checked_at: null, days: [], failed });
    const { container } = await openApp("/reconcile", { api: { reconciliations: [differing, never] } });
    const [panel] = await screen.findAllByRole("region", { name: /^Ozon “main”/ });
    expect(panel).toHaveTextContent(/The comparison failed \(.*50.*\); there is none before it. ozon does not answer./);
    expect(panel).toHaveTextContent("Stock");
    expect(panel).toHaveTextContent("Not compared");
    expect(panel).not.toHaveTextContent("Sums by scheme");
    expect(panel).not.toHaveTextContent("no second figure");
    expect(await violations(container)).toEqual([]);
  });

  it("names the order of a sale that only one side has as given back", async () => {
    const example = row({ order_id: "11.r9", sku: "7", member: "return", theirs: 1, ours: 0 });
    const returned = {
      kind: "returned" as const,
      harmless: false,
      rows: 1,
      units: 1,
      amounts: [],
      examples: [example],
    };
    const days = [{ ...noDay, day: "2026-11-10", member: "return", theirs: 1, ours: 0 }];
    const sales = compared({ source: "wildberries", stream: "sales", findings: 1, days, differences: [returned] });
    const { user } = await openApp("/reconcile", { api: { reconciliations: [sales] } });
    const panel = await screen.findByRole("region", { name: "Wildberries “main”, Sales" });
    expect(panel).toHaveTextContent("Given back on one side");
    await user.click(within(panel).getByText("The row behind it"));
    expect(within(panel).getByText("11.r9")).toBeVisible();
    expect(within(panel).getByText("Given back")).toBeVisible();
  });

  it("is started from its page, which is linked from the syncs", async () => {
    const { user, api } = await openApp("/sync");
    await user.click(await screen.findByRole("link", { name: "Compare with the marketplaces" }));
    expect(await screen.findByText("Nothing has been compared yet")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Compare now" }));
    await waitFor(() => expect(api.started).toEqual([{ source: null, first_day: null, end_day: null }]));
  });
});
