import { describe, expect, it } from "vitest";
import { layOut } from "@/features/products/json";
import { keyOf } from "@/features/quarantine/field";

const row = layOut(
  '{"id":1,"price":{"amount":"x"},"products":[{"sku":2,"amount":3},{"sku":"a:b","amount":-4}],"a:b":5}',
);

describe("the field that a reason names", () => {
  it.each([
    ["id", 0],
    ["price.amount", 0],
    ["products[0].amount", 1],
    ["products[1].amount", 2],
    ["products.amount", 1],
    ["products[...].amount", 1],
    ["amount", 0],
  ])("is found by its path: %s", (field, nth) => {
    const keys = row.flatMap((token, index) => (token === `"${field.split(".").at(-1)}"` ? [index] : []));
    expect(keyOf(row, field)).toBe(keys[nth]);
  });

  it("is nowhere where the row has none of this name", () => {
    expect(keyOf(row, "barcode")).toBe(-1);
    expect(keyOf(row, null)).toBe(-1);
    expect(keyOf(layOut("nonsense"), "id")).toBe(-1);
  });
});
