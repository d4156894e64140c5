import { act, screen, waitFor, within } from "@testing-library/react";
import { delay, http, HttpResponse } from "msw";
import { describe, expect, it } from "vitest";
import { violations } from "@/testing/axe";
import { openApp } from "@/testing/render";
import { problem } from "@/testing/server";
import { createShop, productRow } from "@/testing/shop";

const rows = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    productRow({ id: `item-${index + 1}`, name: `Mug ${index + 1}`, available: index }),
  );

const names = () =>
  within(screen.getByRole("table"))
    .getAllByRole("rowheader")
    .map((cell) => within(cell).getByRole("link").textContent);

const lastAsked = (asked: string[]) => asked.filter((one) => one.startsWith("GET /api/v1/products?")).at(-1);

describe("all products", () => {
  it("say how to begin before anything was read", async () => {
    const shop = createShop({ rows: [] });
    shop.dashboard.freshness = "never";
    shop.dashboard.as_of = null;
    const { api } = await openApp("/products", { api: { shop } });
    expect(await screen.findByText("Nothing has been read yet")).toBeVisible();
    expect(screen.getByRole("button", { name: "Start the first sync" })).toBeVisible();
    expect(api.started).toEqual([]);
  });

  it("are listed, counted, and linked to their pages", async () => {
    await openApp("/products", { api: { shop: createShop({ rows: rows(12) }) } });
    await screen.findByRole("table");
    expect(names()).toHaveLength(12);
    expect(screen.getByText("12 products")).toBeVisible();
    expect(screen.getByRole("link", { name: "Mug 3" })).toHaveAttribute("href", "/products/item-3");
  });

  it("come page by page", async () => {
    const shop = createShop({ rows: rows(7) });
    const short = http.get("*/api/v1/products", ({ request }) => {
      const query = new URL(request.url).searchParams;
      query.set("limit", "4");
      return HttpResponse.json(shop.search(query));
    });
    const { user } = await openApp("/products", { api: { shop }, instead: [short] });
    await screen.findByRole("table");
    expect(names()).toHaveLength(4);
    expect(screen.getByText("4 of 7 loaded")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Load more" }));
    await waitFor(() => expect(names()).toHaveLength(7));
    expect(new Set(names()).size).toBe(7);
    expect(screen.queryByRole("button", { name: "Load more" })).not.toBeInTheDocument();
  });

  it("are filtered, sorted and searched by the server, all in the address", async () => {
    const { user, api, address } = await openApp("/products?q=mug&status=critical&sort=name", {
      api: { shop: createShop({ rows: rows(12) }) },
    });
    await screen.findByRole("table");
    expect(lastAsked(api.asked)).toBe("GET /api/v1/products?q=mug&status=critical&sort=name&limit=100");
    expect(names()).toHaveLength(6);
    expect(screen.getByText("6 of 12 products")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Clear the filter Status" }));
    await waitFor(() => expect(names()).toHaveLength(12));
    expect(address()).toBe("/products?q=mug&sort=name");
    await user.click(screen.getByRole("button", { name: /^Available, units/ }));
    await waitFor(() => expect(address()).toBe("/products?q=mug&sort=available"));
    await user.click(screen.getByRole("button", { name: /^Available, units/ }));
    await waitFor(() => expect(address()).toBe("/products?q=mug&sort=-available"));
    await waitFor(() => expect(names()[0]).toBe("Mug 12"));
  });

  it("keep archived ones apart until they are asked for", async () => {
    const shop = createShop({ rows: rows(4).map((row, index) => ({ ...row, archived: index === 0 })) });
    const { user, address } = await openApp("/products", { api: { shop } });
    await screen.findByRole("table");
    expect(names()).toHaveLength(3);
    await user.click(screen.getByRole("button", { name: "Listing" }));
    await user.click(screen.getByRole("radio", { name: "Archived" }));
    await waitFor(() => expect(names()).toEqual(["Mug 1"]));
    expect(address()).toBe("/products?state=archived");
  });

  it("can be narrowed to a place", async () => {
    const { user, address, api } = await openApp("/products", { api: { shop: createShop({ rows: rows(4) }) } });
    await user.click(await screen.findByRole("button", { name: "Place" }));
    await user.click(screen.getByRole("checkbox", { name: /Казань FBO/ }));
    await waitFor(() => expect(address()).toBe("/products?place=2"));
    expect(lastAsked(api.asked)).toContain("place=2");
    expect(screen.getByRole("button", { name: "Place: Казань" })).toBeVisible();
  });
});

describe("searching", () => {
  it("starts from every page with a slash, and follows the letters", async () => {
    const { user, address } = await openApp("/sync", { api: { shop: createShop({ rows: rows(12) }) } });
    await screen.findByRole("heading", { name: "Sync" });
    await user.keyboard("/");
    const box = screen.getByRole("searchbox");
    expect(box).toHaveFocus();
    await user.keyboard("mug 1");
    await waitFor(() => expect(address()).toBe("/products?q=mug+1"));
    await waitFor(() => expect(names()).toEqual(expect.arrayContaining(["Mug 1", "Mug 10", "Mug 11", "Mug 12"])));
    expect(names()).toHaveLength(4);
    expect(box).toHaveFocus();
    await user.keyboard("{Escape}");
    await waitFor(() => expect(address()).toBe("/products"));
    expect(box).toHaveValue("");
  });

  it("asks once for a word typed in one go", async () => {
    const { user, api } = await openApp("/products", { api: { shop: createShop({ rows: rows(3) }) } });
    await screen.findByRole("table");
    const before = api.asked.length;
    await user.type(screen.getByRole("searchbox"), "mug 2");
    await waitFor(() => expect(names()).toEqual(["Mug 2"]));
    expect(api.asked.slice(before).filter((one) => one.includes("/products?"))).toHaveLength(1);
  });

  it("shows what the address searches for, and follows the way back", async () => {
    const { router } = await openApp("/products?q=mug+2", { api: { shop: createShop({ rows: rows(3) }) } });
    expect(await screen.findByRole("searchbox")).toHaveValue("mug 2");
    await act(() => router.navigate({ to: "/products", search: { q: "mug 3" } }));
    expect(screen.getByRole("searchbox")).toHaveValue("mug 3");
    act(() => router.history.back());
    await waitFor(() => expect(screen.getByRole("searchbox")).toHaveValue("mug 2"));
  });

  it("says what was searched when nothing is found", async () => {
    const { user, address } = await openApp("/products?q=teapot", { api: { shop: createShop({ rows: rows(3) }) } });
    expect(await screen.findByText("Nothing found for “teapot”")).toBeVisible();
    await user.click(screen.getAllByRole("button", { name: "Clear the search" })[0]!);
    await waitFor(() => expect(names()).toHaveLength(3));
    expect(address()).toBe("/products");
  });
});

describe("the list under the keyboard", () => {
  it("moves row by row and opens the product", async () => {
    const { user, address } = await openApp("/products?sort=available", {
      api: { shop: createShop({ rows: rows(5) }) },
    });
    await screen.findByRole("table");
    await user.keyboard("j");
    await waitFor(() => expect(screen.getByRole("link", { name: "Mug 1" })).toHaveFocus());
    await user.keyboard("jj");
    await waitFor(() => expect(screen.getByRole("link", { name: "Mug 3" })).toHaveFocus());
    await user.keyboard("k");
    await waitFor(() => expect(screen.getByRole("link", { name: "Mug 2" })).toHaveFocus());
    await user.keyboard("{ArrowDown}");
    await waitFor(() => expect(screen.getByRole("link", { name: "Mug 3" })).toHaveFocus());
    await user.keyboard("{Enter}");
    await waitFor(() => expect(address()).toBe("/products/item-3"));
  });
});

describe("a long list", () => {
  it("keeps few rows in the document and tells how many there are", async () => {
    const shop = createShop({ rows: rows(1000) });
    const all = http.get("*/api/v1/products", () =>
      HttpResponse.json({ ...shop.search(new URLSearchParams("limit=1000&sort=available")), total: 1000 }),
    );
    await openApp("/products?sort=available", { api: { shop }, instead: [all] });
    const table = await screen.findByRole("table");
    expect(table).toHaveAttribute("aria-rowcount", "1001");
    expect(within(table).getAllByRole("row").length).toBeLessThan(120);
  });
});

describe("without products", () => {
  it("shows the shape of a list while it waits", async () => {
    await openApp("/products", { instead: [http.get("*/api/v1/products", () => delay("infinite"))] });
    expect(await screen.findByText("Loading")).toBeInTheDocument();
  });

  it("keeps the filters when the request fails", async () => {
    let broken = true;
    const failing = http.get("*/api/v1/products", () =>
      broken ? problem(400, "The cursor is not ours", "Received abc.", "Start from the first page.") : undefined,
    );
    const { user, address } = await openApp("/products?status=low", { instead: [failing] });
    expect(await screen.findByRole("alert")).toHaveTextContent("The cursor is not ours");
    expect(screen.getByRole("button", { name: "Status: Low" })).toBeVisible();
    broken = false;
    await user.click(screen.getByRole("button", { name: "Try again" }));
    await screen.findByRole("table");
    expect(address()).toBe("/products?status=low");
  });

  it("leads to Sync when nothing was read yet", async () => {
    await openApp("/products", { api: { shop: createShop({ rows: [] }) } });
    expect(await screen.findByText("Nothing has been read yet")).toBeVisible();
    expect(screen.getByRole("link", { name: "Open Sync" })).toHaveAttribute("href", "/sync");
  });
});

it("breaks no accessibility rule", async () => {
  const { container } = await openApp("/products?q=mug", { api: { shop: createShop({ rows: rows(8) }) } });
  await screen.findByRole("table");
  expect(await violations(container)).toEqual([]);
});
