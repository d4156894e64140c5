import { screen, waitFor, within } from "@testing-library/react";
import { http } from "msw";
import { describe, expect, it } from "vitest";
import { violations } from "@/testing/axe";
import { barcodeRule, bytes, fullQuarantine, group, quarantined } from "@/testing/quarantine";
import { openApp } from "@/testing/render";
import { problem } from "@/testing/server";

const snapshot = group({
  stream: "stock",
  rule: "quantity: allowed: 0 or more.",
  rows: 1,
  replayable: false,
  may_pass: false,
});
const filled = (row = quarantined()) => ({ api: { quarantine: fullQuarantine([group(), snapshot], row) } });

describe("what waits", () => {
  it("is told with the reader's decisions first, however few their rows are", async () => {
    const mine = group({
      stream: "sales",
      rule: "Expected `int`, got `str` - at `$.a[#].b`",
      rows: 1,
      may_pass: false,
    });
    await openApp("/quarantine", { api: { quarantine: fullQuarantine([group(), snapshot, mine]) } });
    const groups = await screen.findByRole("region", { name: "What waits" });
    const titles = within(groups).getAllByRole("heading", { level: 4 });
    expect(titles.map((each) => each.textContent)).toEqual([
      "Wildberries, Sales: 1 row waits",
      "Wildberries, Orders: 312 rows wait",
      "Wildberries, Stock: 1 row waits",
    ]);
    expect(groups).toHaveTextContent("a[…].b: a whole number expected, text received");
  });

  it("is dropped as a whole group with a reason, by the keyboard alone", async () => {
    const { user, api } = await openApp("/quarantine", filled());
    const drop = await screen.findByRole("button", { name: /^Drop: Wildberries, Orders/ });
    drop.focus();
    await user.keyboard("{Enter}{Escape}");
    expect(drop).toHaveFocus();
    await user.keyboard("{Enter}a test shop{Enter}");
    expect(await screen.findByText("1 row dropped.")).toBeVisible();
    expect(api.settled).toEqual([
      expect.objectContaining({ what: "drop", account_id: 2, rule: barcodeRule, reason: "a test shop", ids: null }),
    ]);
  });

  it("is narrowed to the group whose rows are shown", async () => {
    const { user } = await openApp("/quarantine", filled());
    await user.click(await screen.findByRole("link", { name: /^Show rows: Wildberries, Orders/ }));
    const groups = screen.getByRole("region", { name: "What waits" });
    await waitFor(() => expect(within(groups).getAllByRole("listitem")).toHaveLength(1));
    expect(groups).toHaveTextContent("312 rows wait");
  });

  it("is taken back as a whole where it was dropped", async () => {
    const { user, api } = await openApp(
      "/quarantine?state=dropped&stream=orders",
      filled(quarantined({ state: "dropped" })),
    );
    await user.click(await screen.findByRole("button", { name: "Take the drop of 1 row back" }));
    expect(await screen.findByText("1 row waits again.")).toBeVisible();
    expect(api.settled).toEqual([expect.objectContaining({ what: "restore", stream: "orders", account_id: null })]);
  });

  it("is grouped by what is to be decided", async () => {
    await openApp("/quarantine", filled());
    const groups = await screen.findByRole("region", { name: "What waits" });
    const [orders, stock] = within(groups).getAllByRole("listitem");
    expect(groups).toHaveTextContent("313 rows wait");
    expect(orders).toHaveTextContent(`Wildberries, Orders: 312 rows wait${barcodeRule}`);
    expect(screen.getByRole("region", { name: "Waits for the catalogue 1" })).toContainElement(orders!);
    expect(screen.getByRole("region", { name: "Waits for the next reading 1" })).toContainElement(stock!);
    expect(within(stock!).queryByRole("button", { name: /^Try again/ })).not.toBeInTheDocument();
  });

  it("is tried again as a whole group", async () => {
    const { user, api } = await openApp("/quarantine", filled());
    await user.click(await screen.findByRole("button", { name: /^Try again: Wildberries, Orders/ }));
    expect(await screen.findByText(/1 row will be tried again/)).toBeVisible();
    expect(api.settled).toEqual([
      expect.objectContaining({
        what: "replay",
        source: "wildberries",
        account_id: 2,
        stream: "orders",
        rule: barcodeRule,
      }),
    ]);
  });

  it("names the accounts that nobody can read, and says where groups are cut", async () => {
    const quarantine = { ...filled().api.quarantine, skipped: ["Lamps (ozon-2): no key is set"] };
    const whole = quarantine.overview();
    quarantine.overview = () => ({ ...whole, groups_total: 900 });
    const { user } = await openApp("/quarantine", { api: { quarantine } });
    expect(await screen.findByText("2 of 900 groups, the largest.")).toBeVisible();
    await user.click(await screen.findByRole("button", { name: /^Try again: Wildberries, Orders/ }));
    expect(await screen.findByRole("alert")).toHaveTextContent("Not tried: Lamps (ozon-2): no key is set");
  });

  it("is nothing where all is well", async () => {
    await openApp("/quarantine");
    expect(await screen.findByRole("heading", { name: "Nothing waits" })).toBeVisible();
  });

  it("is linked from the sync page", async () => {
    const { user } = await openApp("/sync", filled());
    await user.click(await screen.findByRole("link", { name: "Quarantine: 313 rows wait" }));
    expect(await screen.findByRole("heading", { name: "Quarantine" })).toBeVisible();
  });
});

describe("one row", () => {
  it("shows its bytes unchanged, with the faulty field marked", async () => {
    const { user } = await openApp("/quarantine", filled());
    await user.click(await screen.findByRole("link", { name: /received '4600'/ }));
    const shown = await screen.findByRole("region", { name: "As received" });
    expect(shown.textContent.replace(/\s/g, "")).toBe(bytes.replace(/\s/g, ""));
    expect([...shown.querySelectorAll("mark")].map((each) => each.textContent)).toEqual(['"barcode"', '"4600"']);
    expect(screen.getByRole("link", { name: "Open the whole stored answer" })).toHaveAttribute(
      "href",
      `/api/v1/raw/${"a".repeat(64)}`,
    );
  });

  it("takes the keyboard when it opens, and gives it back to the list", async () => {
    const { user } = await openApp("/quarantine", filled());
    const link = await screen.findByRole("link", { name: /received '4600'/ });
    await user.click(link);
    expect(await screen.findByRole("heading", { name: /^Row 7/ })).toHaveFocus();
    await user.click(screen.getByRole("button", { name: "Mend this row" }));
    expect(screen.getByRole("textbox", { name: "The row as it should be" })).toHaveFocus();
    await user.keyboard("{Escape}");
    expect(screen.getByRole("button", { name: "Mend this row" })).toHaveFocus();
    await user.click(screen.getByRole("button", { name: "Close" }));
    expect(screen.getByRole("link", { name: /received '4600'/ })).toHaveFocus();
    await waitFor(() => expect(screen.queryByRole("heading", { name: /^Row 7/ })).not.toBeInTheDocument());
  });

  it("that is not there says so", async () => {
    await openApp("/quarantine?row=99", filled());
    expect(await screen.findByRole("heading", { name: "This row is not in quarantine" })).toBeVisible();
  });

  it("keeps its blanks where it is no JSON", async () => {
    const { api } = filled();
    const whole = api.quarantine.detail;
    api.quarantine.detail = (id) => ({ ...whole(id)!, received: "no json\n  at all" });
    await openApp("/quarantine?row=7", { api });
    const shown = await screen.findByRole("region", { name: "As received" });
    expect(shown.textContent).toBe("no json\n  at all");
  });

  it("is mended in place, and the reader's words are told where it is refused", async () => {
    const refusing = http.post("*/rows/7/fix", () =>
      problem(422, "No", "row: barcode: received '46'; allowed: another."),
    );
    const { user, api } = await openApp("/quarantine?row=7", { ...filled(), instead: [refusing] });
    await user.click(await screen.findByRole("button", { name: "Mend this row" }));
    await user.click(screen.getByRole("button", { name: "Check and load" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("barcode: received '46'");
    expect(api.settled).toEqual([]);
  });

  it("is sent with every digit as it was written", async () => {
    const { user, api } = await openApp("/quarantine?row=7", filled());
    await user.click(await screen.findByRole("button", { name: "Mend this row" }));
    await user.click(screen.getByRole("button", { name: "Check and load" }));
    await waitFor(() => expect(api.settled).toHaveLength(1));
    expect((api.settled[0] as { row: string }).row).toContain("99990000000000001");
  });

  it("is dropped only with a reason, and the drop is taken back", async () => {
    const { user, api } = await openApp("/quarantine?row=7", filled());
    await user.click(await screen.findByRole("button", { name: "Drop" }));
    await user.click(screen.getByRole("button", { name: "Drop 1 row" }));
    expect(api.settled).toEqual([]);
    await user.type(screen.getByRole("textbox", { name: "Why it is not to be loaded" }), "a test order");
    await user.click(screen.getByRole("button", { name: "Drop 1 row" }));
    await waitFor(() =>
      expect(api.settled).toEqual([expect.objectContaining({ what: "drop", ids: [7], reason: "a test order" })]),
    );
  });

  it("that was dropped offers to take it back", async () => {
    const { user, api } = await openApp("/quarantine?row=7", filled(quarantined({ state: "dropped", note: "a test" })));
    await user.click(await screen.findByRole("button", { name: "Take the drop back" }));
    await waitFor(() => expect(api.settled).toEqual([expect.objectContaining({ what: "restore", ids: [7] })]));
  });
});

it("is accessible, with a row open and being mended", async () => {
  const { user, container } = await openApp("/quarantine?row=7", filled());
  await user.click(await screen.findByRole("button", { name: "Mend this row" }));
  expect(await violations(container)).toEqual([]);
});
