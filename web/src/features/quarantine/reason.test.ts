import { describe, expect, it } from "vitest";
import { reasonWords } from "@/features/quarantine/reason";
import { quarantine as en } from "@/i18n/quarantine/en";
import { quarantine as ru } from "@/i18n/quarantine/ru";
import type { Messages } from "@/i18n/en";
import type { Formats } from "@/lib/format";

const words = (of: typeof en) => ({ quarantine: of({} as Formats) }) as Messages;

describe("a reason", () => {
  it.each([
    [
      "Expected `int`, got `str` - at `$.products[3].quantity`",
      "products[3].quantity: a whole number expected, text received",
    ],
    [
      "Expected `int | null`, got `object` - at `$.n[#]`",
      "n[…]: a whole number or nothing expected, an object received",
    ],
    ["Expected `object`, got `array`", "the row: an object expected, a list received"],
    ["Expected `decimal`, got `str` - at `$.a`", "a: decimal expected, text received"],
    ["Object missing required field `sku`", "sku is missing"],
    ["Object missing required field `sku` - at `$.items[#]`", "items[…].sku is missing"],
    ["barcode: received '1'; allowed: another.", "barcode: received '1'; allowed: another."],
  ])("is told in words where its form is known: %s", (told, said) => {
    expect(reasonWords(words(en), told)).toBe(said);
  });

  it("is told in the reader's language", () => {
    expect(reasonWords(words(ru), "Expected `int`, got `str` - at `$.nmId`")).toBe(
      "nmId: ждали целое число, получили текст",
    );
  });
});
