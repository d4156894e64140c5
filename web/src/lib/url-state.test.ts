import { describe, expect, it } from "vitest";
import {
  decisionStatuses,
  parseSearch,
  readDashboard,
  readProduct,
  readProducts,
  readSync,
  sortKeys,
  statuses,
  without,
  writeSearch,
  type DashboardSearch,
  type ProductsSearch,
  type Sort,
} from "@/lib/url-state";
import { chance } from "@/testing/shop";

const draw = chance(11);
const maybe = <T>(make: () => T): T | undefined => (draw() < 0.5 ? make() : undefined);
const some = <T>(all: readonly T[]): T[] => {
  const found = all.filter(() => draw() < 0.5);
  return found.length > 0 ? found : all.slice(0, 1);
};
const defined = <T extends object>(value: T) =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;
const sort = (): Sort => {
  const key = sortKeys[Math.floor(draw() * sortKeys.length)] ?? "effect";
  return draw() < 0.5 ? key : `-${key}`;
};
const words = ["кружка 350 мл", "a&b=c", "50%", "1+1", '"quoted"', "#5", "46000/15", "ё, й"];

describe("the address", () => {
  it("brings the products page back as it was", () => {
    for (let round = 0; round < 300; round += 1) {
      const search: ProductsSearch = defined({
        q: maybe(() => words[Math.floor(draw() * words.length)] ?? "x"),
        status: maybe(() => some(statuses)),
        marketplace: maybe(() => some(["ozon", "wildberries"])),
        place: maybe(() => some([3, 12, 400])),
        state: maybe(() => (draw() < 0.5 ? "archived" : "all")),
        sort: maybe(sort),
      }) as ProductsSearch;
      expect(readProducts(parseSearch(writeSearch({ ...search })))).toEqual(search);
    }
  });

  it("brings the first page back as it was", () => {
    for (let round = 0; round < 300; round += 1) {
      const search: DashboardSearch = defined({
        status: maybe(() => some(decisionStatuses)),
        all: maybe(() => some(decisionStatuses)),
        marketplace: maybe(() => some(["ozon", "wildberries"])),
        place: maybe(() => some([1, 2])),
        sort: maybe(sort),
      }) as DashboardSearch;
      expect(readDashboard(parseSearch(writeSearch({ ...search })))).toEqual(search);
    }
  });

  it("is readable", () => {
    expect(writeSearch({ status: ["critical", "low"], q: "термо кружка", sort: "-cover" })).toBe(
      "?status=critical,low&q=%D1%82%D0%B5%D1%80%D0%BC%D0%BE+%D0%BA%D1%80%D1%83%D0%B6%D0%BA%D0%B0&sort=-cover",
    );
    expect(writeSearch({ why: true, status: [], q: "", view: undefined })).toBe("?why=1");
    expect(writeSearch({})).toBe("");
  });

  it("falls back where it says what does not exist", () => {
    expect(readDashboard({ status: "normal,burning", all: "x", place: "-3,abc,1.5", sort: "-size" })).toEqual({});
    expect(readProducts({ state: "active", marketplace: "a b,<script>", q: "" })).toEqual({});
    expect(readProduct({ range: "31", view: "chart", why: "no" })).toEqual({});
    expect(readSync({ findings: "yes" })).toEqual({});
  });

  it("reads what it wrote for a product and for sync", () => {
    expect(readProduct(parseSearch("?range=365&view=table&why=1"))).toEqual({ range: 365, view: "table", why: true });
    expect(readSync(parseSearch(writeSearch({ findings: true })))).toEqual({ findings: true });
  });

  it("loses what is taken away and nothing else", () => {
    const search = { q: "a", sort: "name" };
    expect(without(search, "q")).toEqual({ sort: "name" });
    expect(search).toEqual({ q: "a", sort: "name" });
  });
});
