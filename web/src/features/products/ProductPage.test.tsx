import { screen, waitFor, within } from "@testing-library/react";
import { delay, http, HttpResponse } from "msw";
import { describe, expect, it, vi } from "vitest";
import type { FunnelSums, ProductDetail, ProductRow } from "@/api/types";
import { csv } from "@/features/products/series";
import { violations } from "@/testing/axe";
import { openApp } from "@/testing/render";
import { problem } from "@/testing/server";
import { createShop, productRow } from "@/testing/shop";

const shopOf = (part: Partial<ProductRow>) =>
  createShop({ rows: [productRow({ id: "item-1", name: "Steel mug", sold_30d: 41, ...part })] });
const open = (part: Partial<ProductRow> = {}, path = "/products/item-1") =>
  openApp(path, { api: { shop: shopOf(part) } });

/** "12" of a cell, whatever stands around it. */
const numbers = (row: HTMLElement) =>
  within(row)
    .getAllByRole("cell")
    .map((cell) => cell.textContent);

describe("the sentence", () => {
  it("tells units, places and cover", async () => {
    await open({ available: 12, cover_days: 3.2 });
    expect(
      await screen.findByText("12 units in 5 places. About 3 days of cover at the pace of the last 30 days."),
    ).toBeVisible();
    expect(screen.getByRole("heading", { name: "Steel mug" })).toBeVisible();
  });

  it("tells since when the stock is out", async () => {
    await open({ available: 0, cover_days: 0 });
    expect(await screen.findByText("Out of stock since 22 Nov. 41 units sold in the last 30 days.")).toBeVisible();
  });

  it("does not make up a cover where nothing is sold", async () => {
    await open({ available: 12, cover_days: null, sold_30d: 0 });
    expect(await screen.findByText("12 units in 5 places. Nothing sold in the last 30 days.")).toBeVisible();
  });

  it("does not take the unknown for zero", async () => {
    await open({ available: null, status: "unknown" });
    expect(await screen.findByText("No stock reading yet.")).toBeVisible();
    expect(screen.getByText("No marketplace has told a quantity for this product yet.")).toBeVisible();
  });

  it("is written in the reader's language", async () => {
    const shop = shopOf({ available: 0, cover_days: 0 });
    await openApp("/products/item-1", { api: { shop }, locale: "ru" });
    expect(await screen.findByText(/Нет в наличии с 22 нояб\. За последние 30 дней продано 41\sшт\./)).toBeVisible();
  });
});

describe("what it brings and costs", () => {
  const told = async (part: Partial<ProductDetail>) => {
    const shop = shopOf({});
    const detail = (id: string) => {
      const found = shop.detail(id);
      return found && { ...found, ...part };
    };
    await openApp("/products/item-1", { api: { shop: { ...shop, detail } } });
  };

  it("stands by kind, with its sign, its unit and the answer it comes from", async () => {
    await open();
    const table = await screen.findByRole("table", { name: "Brings and costs, 30 days" });
    expect(within(table).getByRole("row", { name: /Commission 11 ₽?−?.*1,120/ })).toBeVisible();
    expect(within(table).getByRole("row", { name: /^Sum.*4,523\.50/ })).toBeVisible();
    expect(within(table).getByRole("link", { name: "Newest response: Sales" })).toHaveAttribute(
      "href",
      `/api/v1/raw/${"ab".repeat(32)}`,
    );
    expect(screen.getByText(/Storage: .*212\.40/)).toBeVisible();
    expect(screen.getByText(/29 days told/)).toBeVisible();
  });

  it("does not take the unknown for nothing", async () => {
    await told({ finance: null, storage: null });
    expect(await screen.findByText("No marketplace has told this product's finances yet.")).toBeVisible();
    expect(screen.getByText("Storage: no marketplace has told its cost yet.")).toBeVisible();
  });

  it("names the accounts that a sum lacks", async () => {
    const asOf = "2026-11-22T11:00:00Z";
    const nothing = { amount: "0.00", currency: "RUB" };
    const unread = [{ source: "ozon", account: "Second" }];
    await told({
      finance: { as_of: asOf, net: nothing, kinds: [], unread },
      storage: null,
      returns: { begun_30d: 0, begun_30d_uncounted: 0, under_way: 0, under_way_uncounted: 0, reasons: [], unread },
      supplies: [],
    });
    expect(await screen.findAllByText(/^Without Ozon “Second”: not read to the end yet/)).toHaveLength(2);
  });

  const sums = { begun_30d: 0, begun_30d_uncounted: 0, under_way: 0, under_way_uncounted: 0, reasons: [], unread: [] };

  it("says how many returns are of unknown quantity beside the units, never as none", async () => {
    await told({ returns: { ...sums, begun_30d: 3, begun_30d_uncounted: 2, under_way_uncounted: 1 } });
    expect(await screen.findByText("3 units and 2 returns of unknown quantity returned in 30 days")).toBeVisible();
    expect(screen.getByText(/· 1 return of unknown quantity on the way back/)).toBeVisible();
  });

  it("says no zero where no quantity is known", async () => {
    await told({ supplies: [], returns: { ...sums, begun_30d_uncounted: 1 } });
    expect(await screen.findByText("1 return of unknown quantity returned in 30 days")).toBeVisible();
    expect(screen.queryByText(/on the way back/)).not.toBeInTheDocument();
  });

  it("says when nothing was booked", async () => {
    const asOf = "2026-11-22T11:00:00Z";
    const nothing = { amount: "0.00", currency: "RUB" };
    await told({
      finance: { as_of: asOf, net: nothing, kinds: [], unread: [] },
      storage: { as_of: asOf, cost: nothing, days: 0, first_day: null, last_day: null, response: null, unread: [] },
    });
    expect(await screen.findByText("Nothing was booked for this product in the last 30 days.")).toBeVisible();
    expect(screen.getByText(/Storage: no cost in the last 30 days/)).toBeVisible();
  });
});

describe("how it is looked at and bought", () => {
  const told = async (part: Partial<FunnelSums> | null) => {
    const shop = shopOf({});
    const detail = (id: string) => {
      const found = shop.detail(id);
      if (!found?.funnel) return null;
      return { ...found, funnel: part && { ...found.funnel, ...part } };
    };
    await openApp("/products/item-1", { api: { shop: { ...shop, detail } } });
  };
  const table = () => screen.findByRole("table", { name: "From opening to purchase" });

  it("goes from opening to purchase with its conversions, beside the four weeks before", async () => {
    await open();
    const rows = within(await table());
    expect(rows.getByRole("row", { name: "Card opened 4,120 3,904" })).toBeVisible();
    expect(rows.getByRole("row", { name: "Put into cart 371 9% of openings 402 10% of openings" })).toBeVisible();
    expect(rows.getByRole("row", { name: "Ordered 96 26% of carts 104 26% of carts" })).toBeVisible();
    expect(rows.getByRole("row", { name: "Bought 58 81% of ended orders 81 79% of ended orders" })).toBeVisible();
    // Only where some are missing is it said how many days are told.
    expect(rows.getAllByText(/days told/)).toHaveLength(1);
    expect(rows.getByText(/25 of 28 days told/)).toHaveTextContent("Wildberries “Main”");
    expect(rows.getByRole("link", { name: "Newest response: Last 28 days" })).toHaveAttribute(
      "href",
      `/api/v1/raw/${"ef".repeat(32)}`,
    );
  });

  it("shows a share above the whole as it is, with why", async () => {
    const now = shopOf({}).detail("item-1")?.funnel?.now;
    if (!now) throw new Error("the shop tells of no opening");
    await told({ now: { ...now, opened: 30, carted: 45, ordered: 81, to_cart: 1.5, to_order: 1.8 } });
    const rows = within(await table());
    expect(
      rows.getByRole("row", {
        name: "Put into cart 45 150% of openings several pieces from one opening 402 10% of openings",
      }),
    ).toBeVisible();
    expect(
      rows.getByRole("row", { name: "Ordered 81 180% of carts some carts are from earlier days 104 26% of carts" }),
    ).toBeVisible();
  });

  it("does not take for zero what nobody told", async () => {
    await open();
    expect(within(await table()).getByRole("row", { name: "To wish list 83 –" })).toBeVisible();
  });

  it("leaves a span empty of which no day is told", async () => {
    await told({ before: null });
    const rows = within(await table());
    expect(rows.getByRole("row", { name: "Card opened 4,120 –" })).toBeVisible();
    expect(rows.getByText("not told")).toBeVisible();
  });

  it("says when no day is told, and names what is not read yet", async () => {
    await told({ now: null, before: null, unread: [{ source: "wildberries", account: "Second" }] });
    expect(await screen.findByText("The marketplace has told of no day in these eight weeks.")).toBeVisible();
    expect(screen.getByText(/^Without .* “Second”: not read to the end yet/)).toBeVisible();
  });

  it("says who tells it where nobody does", async () => {
    await told(null);
    expect(await screen.findByText(/^No marketplace has told how this product is looked at\./)).toBeVisible();
  });
});

describe("stock by place", () => {
  it("adds up to the figure of the product", async () => {
    await open({ available: 57 });
    const table = await screen.findByRole("table", { name: "Stock by place" });
    const body = within(table).getAllByRole("row").slice(1);
    const places = body.slice(0, -1).map((row) => Number(numbers(row)[3]));
    const total = numbers(body.at(-1)!);
    expect(places.reduce((sum, one) => sum + one, 0)).toBe(57);
    expect(total[4]).toBe("57");
    expect(numbers(body[0]!).slice(1, 4)).toEqual(["25", "2", "23"]);
    // Wildberries does not tell what is on its way.
    expect(within(table).getByRole("row", { name: /Склад WB/ })).toHaveTextContent("–");
  });
});

describe("why", () => {
  it("opens from the total, sums its parts and shows the stored record", async () => {
    const { user, address } = await open({ available: 57 });
    await user.click(await screen.findByRole("button", { name: "Why 57?" }));
    const why = await screen.findByRole("complementary", { name: "Why 57 available?" });
    expect(address()).toBe("/products/item-1?why=1");
    expect(await within(why).findByText("Known at 22 Nov 2026, 14:35:12 GMT+3")).toBeVisible();
    const lines = [...why.querySelectorAll("dd")].map((line) => Number(line.textContent));
    expect(lines.slice(0, -1).reduce((sum, one) => sum + one, 0)).toBe(lines.at(-1));
    expect(lines.at(-1)).toBe(57);
    // Ids beyond what a JavaScript number holds stay as they came.
    expect(why).toHaveTextContent("9007199254740993");
    expect(within(why).getAllByRole("link", { name: "Open the whole response" })[0]).toHaveAttribute(
      "href",
      expect.stringMatching(/^\/api\/v1\/raw\/0f2c41ab0+$/),
    );
    expect(why).toHaveTextContent("The stored response has aged out.");
  });

  it("opens and closes by key, and gives the focus back", async () => {
    const { user, address } = await open({ available: 57 });
    const ask = await screen.findByRole("button", { name: "Why 57?" });
    ask.focus();
    await user.keyboard("w");
    await screen.findByRole("complementary", { name: "Why 57 available?" });
    expect(screen.getByRole("button", { name: "Close" })).toHaveFocus();
    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("complementary", { name: /Why/ })).not.toBeInTheDocument());
    expect(address()).toBe("/products/item-1");
    expect(screen.getByRole("button", { name: "Why 57?" })).toHaveFocus();
  });
});

describe("sales and stock", () => {
  it("are drawn with their length without stock in words, and summed up for those who do not see it", async () => {
    await open();
    const chart = await screen.findByRole("slider", { name: "Day under the cursor" });
    expect(screen.getByText(/^Sales and stock from 25 Aug to 22 Nov: \d+ units sold/)).toBeInTheDocument();
    expect(within(chart).getByText("today")).toBeInTheDocument();
    expect(within(chart).getByText("no stock readings yet")).toBeInTheDocument();
    expect(chart.textContent).toMatch(/out of stock, \d+ days?/);
  });

  it("are read day by day with the arrow keys", async () => {
    const { user } = await open();
    const chart = await screen.findByRole("slider", { name: "Day under the cursor" });
    chart.focus();
    expect(chart).toHaveAttribute("aria-valuetext", expect.stringMatching(/^22 Nov 2026 · Sold \d+/));
    await user.keyboard("{ArrowLeft}{ArrowLeft}");
    expect(chart).toHaveAttribute("aria-valuetext", expect.stringMatching(/^20 Nov 2026/));
    await user.keyboard("{Home}");
    expect(chart).toHaveAttribute("aria-valuetext", expect.stringMatching(/^25 Aug 2026 · Sold \d+ · Stock –/));
    await user.keyboard("{End}{ArrowRight}");
    expect(chart).toHaveAttribute("aria-valuenow", "89");
  });

  it("cover the range of the address and change with it", async () => {
    const { user, api, address } = await open({}, "/products/item-1?range=30");
    await screen.findByRole("slider");
    expect(api.asked).toContain("GET /api/v1/products/item-1/history?days=30");
    await user.click(screen.getByRole("radio", { name: "365 d" }));
    await waitFor(() => expect(address()).toBe("/products/item-1?range=365"));
    expect(await screen.findByText("Sold, units a week")).toBeInTheDocument();
  });

  it("are a table on request, the newest day first", async () => {
    const { user, address } = await open();
    await user.click(await screen.findByRole("radio", { name: "Table" }));
    const table = await screen.findByRole("table", { name: "Sales and stock" });
    expect(address()).toBe("/products/item-1?view=table");
    const headers = within(table).getAllByRole("rowheader");
    expect(headers).toHaveLength(90);
    expect(headers[0]).toHaveTextContent("22 Nov 2026");
  });

  it("can be taken away as a file", async () => {
    const saved: { name: string; type: string; bytes: number }[] = [];
    let blob = new Blob();
    URL.createObjectURL = (given) => {
      blob = given as Blob;
      return "blob:x";
    };
    URL.revokeObjectURL = () => undefined;
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function click(this: HTMLAnchorElement) {
      saved.push({ name: this.download, type: blob.type, bytes: blob.size });
    });
    const { user, api } = await open({ code: "TM/450 BK" });
    await user.click(await screen.findByRole("button", { name: "CSV" }));
    const text = csv(api.shop.history("item-1", 90)?.days ?? []);
    // Three bytes more: the mark that tells spreadsheets it is UTF-8.
    expect(saved).toEqual([{ name: "TM-450-BK-90d.csv", type: "text/csv;charset=utf-8", bytes: text.length + 3 }]);
  });

  it("say it when there is nothing to draw", async () => {
    const empty = http.get("*/history", () => HttpResponse.json({ generation: 7, id: "item-1", days: [] }));
    await openApp("/products/item-1", { api: { shop: shopOf({}) }, instead: [empty] });
    expect(await screen.findByText("Nothing sold and no stock reading in these days.")).toBeVisible();
  });
});

describe("without the product", () => {
  it("says so when there is none", async () => {
    await openApp("/products/item-999", { api: { shop: shopOf({}) } });
    expect(await screen.findByText("There is no such product")).toBeVisible();
    expect(screen.getByRole("link", { name: "All products" })).toHaveAttribute("href", "/products");
  });

  it("keeps the rest of the page when only the chart fails", async () => {
    const failing = http.get("*/history", () => problem(400, "Wrong range", "days must be 1 to 730."));
    await openApp("/products/item-1", { api: { shop: shopOf({ available: 57 }) }, instead: [failing] });
    expect(await screen.findByRole("alert")).toHaveTextContent("days must be 1 to 730.");
    expect(screen.getByRole("table", { name: "Stock by place" })).toBeVisible();
  });

  it("shows its shape while it waits", async () => {
    await openApp("/products/item-1", { instead: [http.get("*/products/item-1", () => delay("infinite"))] });
    expect(await screen.findByText("Loading")).toBeInTheDocument();
  });
});

it("breaks no accessibility rule, its drawer open", async () => {
  const { container } = await open({ available: 57 }, "/products/item-1?why=1");
  await screen.findByText("Known at 22 Nov 2026, 14:35:12 GMT+3");
  await screen.findByRole("slider");
  expect(await violations(container)).toEqual([]);
});

describe("what is on its way", () => {
  it("shows supplies with their booked day, and what comes back", async () => {
    await open();
    const panel = await screen.findByRole("region", { name: "On the way" });
    const row = within(panel).getAllByRole("row")[1]!;
    expect(row).toHaveTextContent("2000012345678");
    expect(row).toHaveTextContent("On the way");
    expect(numbers(row).slice(-2)).toEqual(["40", "–"]);
    expect(panel).toHaveTextContent(
      "3 units returned in 30 days · 1 unit on the way back · most often: Не подошёл; Брак",
    );
  });

  it("is left out where nothing is", async () => {
    const shop = shopOf({});
    const detail = shop.detail;
    shop.detail = (id) => {
      const found = detail(id);
      return found && { ...found, supplies: [], returns: null };
    };
    await openApp("/products/item-1", { api: { shop } });
    expect(await screen.findByRole("region", { name: "Stock by place" })).toBeVisible();
    expect(screen.queryByRole("region", { name: "On the way" })).toBeNull();
  });
});
