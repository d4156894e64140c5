import { render } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { Json, layOut } from "@/features/products/json";

describe("a stored record", () => {
  it("is indented", () => {
    expect(layOut('{"a":1,"b":[true,null],"c":{},"d":[]}').join("")).toBe(
      '{\n  "a": 1,\n  "b": [\n    true,\n    null\n  ],\n  "c": {},\n  "d": []\n}',
    );
  });

  it("keeps every digit and every letter", () => {
    const text = '{"sku":9007199254740993,"price":"990.00","name":"a \\"b\\" {c}, d: e","x":1.50e3}';
    const laidOut = layOut(text).join("");
    expect(laidOut).toContain("9007199254740993");
    expect(laidOut).toContain('"a \\"b\\" {c}, d: e"');
    expect(laidOut).toContain("1.50e3");
  });

  it("survives a record that was cut", () => {
    expect(layOut('{"a":[1,2').join("")).toBe('{\n  "a": [\n    1,\n    2');
  });

  it("marks the figure in question, not texts that look like it", () => {
    const text = '{"cluster_id":4,"article":"4","available_stock_count":4,"transit_stock_count":4}';
    const { container } = render(<Json text={text} mark={4} />);
    const marks = [...container.querySelectorAll("mark")];
    expect(marks.map((mark) => mark.textContent)).toEqual(["4"]);
    expect(marks[0]?.previousSibling?.previousSibling?.textContent).toBe('"available_stock_count"');
  });
});
