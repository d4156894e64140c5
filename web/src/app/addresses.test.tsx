/** Whatever an address says, its page opens, and the server is asked only for what it takes. */
import { screen, waitFor } from "@testing-library/react";
import { http } from "msw";
import { describe, expect, it } from "vitest";
import { openApp } from "@/testing/render";
import { problem } from "@/testing/server";
import { createShop, productRow } from "@/testing/shop";

const shop = createShop({ rows: [productRow({ id: "item-1", name: "Steel mug", available: 3 })] });

const pages = {
  "/": ["lang", "status", "all", "marketplace", "place", "sort"],
  "/products": ["lang", "q", "status", "marketplace", "place", "state", "sort"],
  "/products/item-1": ["lang", "range", "view", "why"],
  "/sync": ["lang", "findings"],
};
const junk = ["foo", "[]", "{}", "null", "-1", "1e400", "%00", "%E0%A4%A", ",,", "a,b,,1", "abc", "true", "0x10", ""];
const addresses = Object.entries(pages).flatMap(([path, keys]) => [
  ...junk.map((value) => `${path}?${keys.map((key) => `${key}=${value}`).join("&")}`),
  `${path}?__proto__=1&constructor=2&nothing=3&${keys.map((key) => `${key}=${"9".repeat(600)}`).join("&")}`,
]);

/** What the server would refuse with a 422. */
function refused(asked: string): boolean {
  const { pathname, searchParams } = new URL(asked.replace("GET ", ""), "http://127.0.0.1");
  const value = (name: string) => searchParams.get(name) ?? "";
  const allowed: Record<string, RegExp> = {
    status: /^((critical|low|normal|overstock|unknown)(,|$))*$/,
    place: /^[0-9,]{0,400}$/,
    marketplace: /^((ozon|wildberries)(,|$))*$/,
    state: /^(archived|all)?$/,
    sort: /^(-?(effect|name|code|available|sold|cover|value|status))?$/,
    q: /^.{0,200}$/s,
    findings: /^(true)?$/,
    days: pathname.endsWith("/history") ? /^(30|90|365|730)$/ : /^$/,
  };
  return Object.entries(allowed).some(([name, shape]) => !shape.test(value(name)));
}

describe("an address with wrong values", () => {
  it.each(addresses)("opens its page: %s", async (address) => {
    const { api } = await openApp(address, { api: { shop } });
    await waitFor(() => expect(screen.getAllByRole("heading", { level: 1 })).toHaveLength(1));
    await waitFor(() => expect(document.querySelector("main [aria-busy=true]")).toBeNull());
    expect(screen.queryByText("This part of the page broke")).not.toBeInTheDocument();
    expect(document.body.textContent).not.toMatch(/NaN|undefined|\[object/);
    expect(api.asked.filter(refused)).toEqual([]);
  });

  it("leaves them out of what it writes back", async () => {
    const { user, address } = await openApp("/products?sort=bar&status=foo&state=all", { api: { shop } });
    await screen.findByRole("table");
    await user.click(screen.getByRole("button", { name: "Clear the filter Listing" }));
    await waitFor(() => expect(address()).toBe("/products"));
  });
});

it("answers an id that is none as one that is not there", async () => {
  const refusal = () => problem(422, "The question cannot be understood", "String should match pattern ^(item|sku)-");
  await openApp("/products/foo", { api: { shop }, instead: [http.get("*/api/v1/products/foo", refusal)] });
  expect(await screen.findByText("There is no such product")).toBeVisible();
  expect(screen.queryByText(/pattern/)).not.toBeInTheDocument();
});

it("asks for no more letters than the server reads", async () => {
  const { api } = await openApp(`/products?q=${"x".repeat(500)}`, { api: { shop } });
  await screen.findByRole("searchbox");
  expect(screen.getByRole("searchbox")).toHaveAttribute("maxlength", "200");
  await waitFor(() => expect(api.asked.some((one) => one.includes(`q=${"x".repeat(200)}&`))).toBe(true));
});
