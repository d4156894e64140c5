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
  it("is grouped by what is to be decided, most rows first", async () => {
    await openApp("/quarantine", filled());
    const groups = await screen.findByRole("region", { name: "What waits" });
    const [orders, stock] = within(groups).getAllByRole("listitem");
    expect(groups).toHaveTextContent("313 rows wait");
    expect(orders).toHaveTextContent(`Wildberries, Orders: 312 rows wait${barcodeRule}`);
    expect(orders).toHaveTextContent("Each sync tries them again by itself");
    expect(stock).toHaveTextContent("the next whole reading settles them");
    expect(within(stock!).queryByRole("button")).not.toBeInTheDocument();
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
    await user.click(screen.getByRole("button", { name: "Drop for good" }));
    expect(api.settled).toEqual([]);
    await user.type(screen.getByRole("textbox", { name: "Why it is not to be loaded" }), "a test order");
    await user.click(screen.getByRole("button", { name: "Drop for good" }));
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
