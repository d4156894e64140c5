import { act, screen, waitFor, within } from "@testing-library/react";
import { delay, http, HttpResponse } from "msw";
import { describe, expect, it } from "vitest";
import { violations } from "@/testing/axe";
import { openApp } from "@/testing/render";
import { problem } from "@/testing/server";
import { createShop, productRow, runningRun, syncOverview } from "@/testing/shop";

const rowNames = () =>
  within(screen.getByRole("table"))
    .getAllByRole("rowheader")
    .map((cell) => within(cell).getByRole("link").textContent);

const some = (count: number, available: number, from = 1) =>
  Array.from({ length: count }, (_, index) =>
    productRow({ id: `item-${from + index}`, available, name: `P${from + index}` }),
  );

describe("the first page", () => {
  it("answers before it lists: how many decisions, how old, what they come to", async () => {
    const { api } = await openApp("/");
    expect(await screen.findByRole("heading", { name: "What needs a decision" })).toBeVisible();
    const { need_decision, products } = api.shop.dashboard;
    expect(
      screen.getByText(`${need_decision} of ${products.toLocaleString("en")} products need a decision`),
    ).toBeVisible();
    const strip = screen.getByRole("region", { name: "At a glance" });
    expect(within(strip).getByText("22 Nov, 14:35")).toBeVisible();
    expect(within(strip).getByText("2 min ago")).toBeVisible();
    expect(within(strip).getByText("Wildberries 14:31")).toBeVisible();
  });

  it("shows the ten worst of each category: what runs out first, each category by money", async () => {
    const { api } = await openApp("/");
    await screen.findByRole("table");
    expect(rowNames()).toHaveLength(30);
    const { critical = [], low = [], overstock = [] } = api.shop.dashboard.top;
    expect(rowNames()).toEqual([...critical, ...low, ...overstock].map((row) => row.name));
    expect(screen.getByRole("columnheader", { name: /Status/ })).toHaveAttribute("aria-sort", "ascending");
  });

  it("shows the whole of a category on request, and keeps that in the address", async () => {
    const { user, address, api } = await openApp("/");
    const critical = await screen.findByRole("region", { name: /Critical/ });
    await user.click(within(critical).getByRole("radio", { name: "Show all" }));
    const all = api.shop.dashboard.categories[0]?.products ?? 0;
    await waitFor(() => expect(rowNames()).toHaveLength(all + 20));
    expect(address()).toBe("/?all=critical");
    await user.click(within(critical).getByRole("radio", { name: "Top 10" }));
    await waitFor(() => expect(rowNames()).toHaveLength(30));
    expect(address()).toBe("/");
  });

  it("narrows to one category by its name, and back", async () => {
    const { user, address } = await openApp("/");
    const low = await screen.findByRole("region", { name: /Low/ });
    await user.click(within(low).getByRole("link", { name: "Low" }));
    await waitFor(() => expect(rowNames()).toHaveLength(10));
    expect(address()).toContain("/?status=low");
    await user.click(screen.getByRole("button", { name: "Clear the filter Status" }));
    await waitFor(() => expect(rowNames()).toHaveLength(30));
  });

  it("asks the server for the top tens of a marketplace", async () => {
    const { user, api, address } = await openApp("/");
    await user.click(await screen.findByRole("button", { name: "Marketplace" }));
    await user.click(screen.getByRole("checkbox", { name: "Ozon" }));
    await waitFor(() => expect(address()).toContain("marketplace=ozon"));
    await waitFor(() =>
      expect(api.asked).toContain("GET /api/v1/products?status=critical&marketplace=ozon&sort=-effect&limit=10"),
    );
    await waitFor(() => {
      const badges = within(screen.getByRole("table")).getAllByRole("row").slice(1);
      expect(badges.every((row) => within(row).queryByText("Ozon"))).toBe(true);
    });
  });

  it("sorts by a head, in the address too", async () => {
    const { user, address } = await openApp("/");
    await user.click(await screen.findByRole("button", { name: /Cover, days/ }));
    await waitFor(() => expect(address()).toBe("/?sort=cover"));
    expect(screen.getByRole("columnheader", { name: /Cover, days/ })).toHaveAttribute("aria-sort", "ascending");
  });

  it("opens at what the address says", async () => {
    await openApp("/?status=critical,low&sort=name");
    await screen.findByRole("table");
    expect(rowNames()).toHaveLength(20);
    expect(screen.getByText("Critical, Low")).toBeVisible();
    const names = rowNames();
    expect(names).toEqual([...names].sort());
  });

  it("adds up the rows it shows, one sum per kind of money", async () => {
    const rows = [...some(2, 3), ...some(1, 500, 10)].map((row, index) => ({
      ...row,
      effect: { amount: ["1000.50", "2000.50", "70.00"][index] ?? "", currency: "RUB" },
    }));
    await openApp("/", { api: { shop: createShop({ rows }) } });
    // The rows read 1,001 and 2,001, so their sum must read 3,002 and not 3,001.
    expect(await screen.findByText("3 products: ₽3,002 sold in 30 days, ₽70 of stock at price")).toBeVisible();
  });

  it("says good news without a button", async () => {
    await openApp("/", { api: { shop: createShop({ rows: some(3, 50) }) } });
    const panel = await screen.findByRole("region", { name: "Exceptions 0 of 0" });
    expect(within(panel).getByText("Nothing needs a decision")).toBeVisible();
    expect(screen.getByText("Nothing is critical")).toBeVisible();
  });

  it("names the filters when they leave nothing", async () => {
    const rows = some(3, 2).map((row) => ({ ...row, marketplaces: ["ozon"] }));
    const { user } = await openApp("/?marketplace=wildberries&status=critical", {
      api: { shop: createShop({ rows }) },
    });
    expect(await screen.findByText("No product matches these 2 filters")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Clear all filters" }));
    await waitFor(() => expect(rowNames()).toHaveLength(3));
  });

  it("keeps the last figures of a place that could not be read, and says so", async () => {
    const rows = some(1, 2).map((row) => ({ ...row, stale: true }));
    await openApp("/", { api: { shop: createShop({ rows }) } });
    expect(await screen.findByRole("img", { name: /could not be read/ })).toBeVisible();
  });
});

describe("before and without figures", () => {
  it("shows the shape of what comes while it waits", async () => {
    await openApp("/", { instead: [http.get("*/api/v1/dashboard", () => delay("infinite"))] });
    expect(await screen.findByText("Loading")).toBeInTheDocument();
    expect(await screen.findByRole("heading", { name: "What needs a decision" })).toBeVisible();
  });

  it("names cause, next step and request when it fails, and tries again", async () => {
    let broken = true;
    const failing = http.get("*/api/v1/dashboard", () =>
      broken ? problem(400, "The database did not answer", "It took longer than 5 s.", "Open /health.") : undefined,
    );
    const { user } = await openApp("/?status=low", { instead: [failing] });
    const alert = await screen.findByRole("alert");
    expect(alert).toHaveTextContent("The database did not answer");
    expect(alert).toHaveTextContent("It took longer than 5 s. Open /health.");
    expect(alert).toHaveTextContent("Request 01JD8K2V9QTX");
    expect(alert).toHaveTextContent("22 Nov 2026, 14:38:00");
    broken = false;
    await user.click(within(alert).getByRole("button", { name: "Try again" }));
    // The filters of the address are kept.
    await screen.findByRole("table");
    expect(rowNames()).toHaveLength(10);
  });

  it("says that the server is away in its own words", async () => {
    await openApp("/", { instead: [http.get("*/api/v1/meta", () => HttpResponse.error())] });
    expect(await screen.findByText("The server does not answer", {}, { timeout: 6000 })).toBeVisible();
  });

  it("offers the first sync when nothing was read yet", async () => {
    const shop = createShop({ rows: [] });
    shop.dashboard.freshness = "never";
    shop.dashboard.as_of = null;
    const { user, api } = await openApp("/", { api: { shop } });
    expect(await screen.findByText("Nothing has been read yet")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Start the first sync" }));
    await waitFor(() => expect(api.started).toEqual([{ source: null, streams: null, full: false }]));
    expect(screen.getByText("No data yet")).toBeVisible();
  });

  it("shows the first read on its way", async () => {
    const shop = createShop({ rows: [] });
    shop.dashboard.freshness = "never";
    shop.dashboard.as_of = null;
    await openApp("/", { api: { shop, overview: syncOverview({ running: [runningRun()] }) } });
    expect(await screen.findByText("Reading Ozon for the first time")).toBeVisible();
    expect(screen.getByRole("progressbar")).toHaveAttribute("aria-valuenow", "71");
  });

  it("says how a marketplace is connected when no source is set up", async () => {
    const shop = createShop({ rows: [] });
    shop.dashboard.freshness = "never";
    shop.dashboard.as_of = null;
    const sources = syncOverview().sources.map((source) => ({ ...source, configured: false, reason: "No key." }));
    await openApp("/", { api: { shop, overview: { sources, running: [] } } });
    expect(await screen.findByText("No marketplace connected yet")).toBeVisible();
    const ozon = screen.getByRole("region", { name: "Connect Ozon" });
    expect(ozon).toHaveTextContent(
      /seller\.ozon\.ru.*\.env.*MICORE_OZON_CLIENT_ID=….*MICORE_OZON_API_KEY=….*micore serve/s,
    );
    expect(screen.getByRole("region", { name: "Connect Wildberries" })).toHaveTextContent(
      /MICORE_WILDBERRIES_API_TOKEN=…/,
    );
    expect(screen.getByRole("link", { name: "All sources" })).toHaveAttribute("href", "/sync");
  });
});

describe("old and partial figures", () => {
  it("stay, and their age leads", async () => {
    const shop = createShop();
    const ozon = shop.dashboard.sources[0];
    if (!ozon) throw new Error("the shop has no source");
    Object.assign(ozon, { freshness: "stale", as_of: "2026-11-22T08:23:00Z", last_error: "ozon did not answer." });
    shop.dashboard.as_of = "2026-11-22T08:23:00Z";
    const { user, api } = await openApp("/", { api: { shop } });
    expect(await screen.findByText("Stock is 3 h 15 min old.")).toBeVisible();
    expect(screen.getByText(/Reason: ozon did not answer\./)).toBeVisible();
    expect(screen.getByText(/Current: Wildberries\./)).toBeVisible();
    expect(screen.getByRole("table")).toBeVisible();
    expect(screen.getByText("Some data is old")).toBeInTheDocument();
    await user.click(screen.getByRole("button", { name: "Try now" }));
    await waitFor(() => expect(api.started).toEqual([{ source: "ozon", streams: null, full: false }]));
  });

  it("are said to be on their way while their source is read", async () => {
    const shop = createShop();
    const [ozon, wildberries] = shop.dashboard.sources;
    if (!ozon || !wildberries) throw new Error("the shop has too few sources");
    Object.assign(ozon, { freshness: "stale", as_of: "2026-10-25T08:23:00Z" });
    Object.assign(wildberries, { freshness: "never", as_of: null });
    const running = [runningRun(), runningRun({ id: 102, source: "wildberries", progress: null })];
    const { line, api } = await openApp("/", { api: { shop, overview: syncOverview({ running }) } });
    expect(await screen.findByText("Ozon is being read now.")).toBeVisible();
    expect(screen.getByText(/The figures below are of 25 Oct, 11:23; they renew by themselves\./)).toBeVisible();
    expect(screen.getByText("Wildberries is being read now.")).toBeVisible();
    const [told, untold] = screen.getAllByRole("progressbar");
    expect(told).toHaveAttribute("aria-valuenow", "71");
    expect(untold).not.toHaveAttribute("aria-valuenow");
    expect(screen.queryByRole("button", { name: "Try now" })).not.toBeInTheDocument();
    api.overview = syncOverview();
    act(() => line.say("run", runningRun({ state: "failed" })));
    expect(await screen.findAllByRole("button", { name: "Try now" })).toHaveLength(2);
  });

  it("grow old by themselves when no answer comes", async () => {
    const shop = createShop();
    for (const source of shop.dashboard.sources) source.stale_after_seconds = 60;
    await openApp("/", { api: { shop } });
    expect(await screen.findByText("Stock is 2 min old.")).toBeVisible();
  });

  it("say which source they cover", async () => {
    const shop = createShop();
    const wildberries = shop.dashboard.sources[1];
    if (!wildberries) throw new Error("the shop has one source only");
    Object.assign(wildberries, { freshness: "never", as_of: null, last_error: "wildberries refused the key." });
    await openApp("/", { api: { shop } });
    expect(await screen.findByText("Wildberries has not been read yet.")).toBeVisible();
    expect(screen.getByText(/cover Ozon only/)).toBeVisible();
  });
});

describe("a load that lands", () => {
  it("renews the figures by itself and tints what changed", async () => {
    const { api, line } = await openApp("/", { api: { shop: createShop({ rows: some(3, 2) }) } });
    const critical = await screen.findByRole("region", { name: /Critical/ });
    expect(within(critical).getByText("3")).toBeVisible();
    api.shop = createShop({ rows: some(5, 2), generation: 8 });
    act(() => line.say("publish", { generation: 8, as_of: "2026-11-22T11:40:00Z", source: "ozon" }));
    const changed = await within(critical).findByText("5");
    expect(changed).toHaveClass("changed");
    await waitFor(() => expect(changed).not.toHaveClass("changed"), { timeout: 3000 });
  });

  it("does not move rows under the pointer, but offers them", async () => {
    const before = some(3, 2).map((row, index) => ({
      ...row,
      effect: { amount: `${300 - index}.00`, currency: "RUB" },
    }));
    const { api, line, user } = await openApp("/", { api: { shop: createShop({ rows: before }) } });
    await screen.findByRole("table");
    await user.hover(screen.getByRole("table"));
    const after = before.map((row, index) => ({ ...row, effect: { amount: `${100 + index}.00`, currency: "RUB" } }));
    api.shop = createShop({ rows: after, generation: 8 });
    act(() => line.say("publish", { generation: 8, as_of: "2026-11-22T11:40:00Z", source: "ozon" }));
    const chip = await screen.findByRole("button", { name: "3 changed, show" });
    expect(rowNames()).toEqual(["P1", "P2", "P3"]);
    await user.click(chip);
    expect(rowNames()).toEqual(["P3", "P2", "P1"]);
  });
});

describe("for everyone", () => {
  it("breaks no accessibility rule", async () => {
    const { container } = await openApp("/", {
      api: { shop: createShop({ rows: [...some(4, 2), ...some(4, 300, 9)] }) },
    });
    await screen.findByRole("table");
    expect(await violations(container)).toEqual([]);
  });

  it("breaks none while it is empty or old", async () => {
    const shop = createShop({ rows: [] });
    shop.dashboard.freshness = "never";
    shop.dashboard.as_of = null;
    const { container } = await openApp("/", { api: { shop } });
    await screen.findByText("Nothing has been read yet");
    expect(await violations(container)).toEqual([]);
  });
});
