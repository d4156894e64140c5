import { screen, within } from "@testing-library/react";
import { afterEach, describe, expect, it } from "vitest";
import { preferredLocale, rememberLocale, type Dictionary } from "@/i18n";
import { en } from "@/i18n/en";
import { fr } from "@/i18n/fr";
import { ru } from "@/i18n/ru";
import { createFormats, type Locale } from "@/lib/format";
import { openApp } from "@/testing/render";
import { createShop, productRow, runningRun, syncOverview } from "@/testing/shop";

type Tree = Record<string, unknown>;

const dictionaries: Record<Locale, Dictionary> = { en, ru, fr };
const words = (locale: Locale) => dictionaries[locale](createFormats(locale, "Europe/Moscow")) as unknown as Tree;

/** Every text by its path; functions are called with an argument of each kind they take. */
function texts(tree: Tree, path = ""): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]): [string, string][] => {
    const at = `${path}.${key}`;
    if (typeof value === "string") return [[at, value]];
    if (typeof value === "function") {
      if (at === ".list") return [];
      const call = value as (...args: unknown[]) => unknown;
      if (at === ".total") return [[at, String(call({ amount: "1.00", currency: "RUB" }))]];
      return [1, 2, 5, 21].map((n) => [`${at}(${n})`, String(call(n, n, n, n, n))]);
    }
    return texts(value as Tree, at);
  });
}

describe("the languages", () => {
  it.each(["ru", "fr"] as const)("say everything that English says: %s", (locale) => {
    expect(texts(words(locale)).map(([path]) => path)).toEqual(texts(words("en")).map(([path]) => path));
    for (const [path, text] of texts(words(locale))) expect(text.trim(), path).not.toBe("");
  });

  it("leave no English in Russian", () => {
    // What sellers and their programs call so in every language.
    const kept = /micore(?: sync --full)?|Ozon|Wildberries|CSV|SKU|Seller API|Client ID|API|Enter|\b[jk]\b/g;
    const latin = texts(words("ru")).filter(([, text]) => /[a-z]{2}/i.test(text.replace(kept, "")));
    expect(latin.map(([path]) => path)).toEqual([]);
  });

  it("put a space that does not break before French double marks", () => {
    for (const [path, text] of texts(words("fr"))) {
      expect(/[^\u00A0\u202F:?!;\d][:;?!](?=\s|$)/.test(text), `${path}: ${text}`).toBe(false);
    }
  });

  it("count as people count", () => {
    const f = createFormats("ru", "Europe/Moscow");
    const days = [0, 1, 2, 5, 11, 21, 22, 111, 1.5].map((n) => ru(f).days(n).replace("\u00A0", " "));
    expect(days).toEqual([
      "0 дней",
      "1 день",
      "2 дня",
      "5 дней",
      "11 дней",
      "21 день",
      "22 дня",
      "111 дней",
      "1,5 дня",
    ]);
    const french = fr(createFormats("fr", "Europe/Moscow"));
    expect([0, 1, 2].map((n) => french.days(n).replace("\u00A0", " "))).toEqual(["0 jour", "1 jour", "2 jours"]);
    const english = en(createFormats("en", "Europe/Moscow"));
    expect([0, 1, 2].map((n) => english.days(n))).toEqual(["0 days", "1 day", "2 days"]);
  });

  it("tell durations", () => {
    const t = en(createFormats("en", "Europe/Moscow"));
    const told = [0, 9.4, 59, 60, 90, 3599, 3600, 11_520, 200_000].map((seconds) => t.duration(seconds));
    expect(told).toEqual(["0 s", "9 s", "59 s", "1 min", "2 min", "1 h", "1 h", "3 h 12 min", "2 days"]);
  });
});

describe("the preferred language", () => {
  const browser = (tags: string[]) =>
    Object.defineProperty(navigator, "languages", { value: tags, configurable: true });
  const before = navigator.languages;
  afterEach(() => browser([...before]));

  it("is the address's, then the last choice, then the browser's, then English", () => {
    browser(["de-DE", "fr-CA", "ru"]);
    expect(preferredLocale(null)).toBe("fr");
    rememberLocale("ru");
    expect(preferredLocale(undefined)).toBe("ru");
    expect(preferredLocale("en")).toBe("en");
    expect(preferredLocale("xx")).toBe("ru");
    localStorage.clear();
    browser(["de-DE"]);
    expect(preferredLocale(null)).toBe("en");
  });
});

/** A language of brackets: what is seen without them was not taken from the dictionary. */
const pseudo: Dictionary = (f) => {
  const bracket = (value: unknown, path: string): unknown => {
    if (typeof value === "string") return `⟦${value}⟧`;
    if (typeof value === "function") {
      const call = value as (...args: unknown[]) => string;
      return (...args: unknown[]) => (path === ".list" ? call(...args) : `⟦${call(...args)}⟧`);
    }
    const parts = Object.entries(value as Tree).map(([key, one]) => [key, bracket(one, `${path}.${key}`)]);
    return Object.fromEntries(parts);
  };
  return bracket(en(f), "") as ReturnType<Dictionary>;
};

/** Texts with letters that stand outside of all brackets. */
function foreign(element: Element, known: RegExp): string[] {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const found: string[] = [];
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (parent?.closest("[aria-hidden=true], pre, kbd, .mono, [lang]")) continue;
    const text = (walker.currentNode.textContent ?? "").replace(/⟦[^⟦⟧]*⟧/g, "").replace(/[⟦⟧]/g, "");
    const rest = text.replace(known, "");
    if (/\p{L}{2}/u.test(rest)) found.push(text.trim());
  }
  return found;
}

const names = [
  "Steel mug",
  "Дом и уют",
  "Ozon",
  "Wildberries",
  "WB",
  "FB[OSW]",
  "SKU",
  "micore",
  "Nov",
  "Oct",
  "Sep",
  "Aug",
  "GMT",
  "main",
];

describe("the pages in a language of brackets", () => {
  const shop = createShop({
    rows: [
      productRow({ id: "item-1", name: "Steel mug", code: "1", available: 3 }),
      productRow({ id: "item-2", name: "Steel mug", code: "2", available: 700 }),
    ],
  });
  const data = [...names, ...shop.places.flatMap((place) => [place.name, place.region ?? "—"])];
  const known = new RegExp(data.join("|"), "g");

  it.each(["/", "/products?q=mug", "/products/item-1?why=1", "/products/item-1?view=table"])(
    "show no word of their own: %s",
    async (path) => {
      const { container } = await openApp(path, { api: { shop, overview: syncOverview() }, dictionary: pseudo });
      await screen.findAllByRole("table");
      if (path.includes("why"))
        await within(await screen.findByRole("complementary", { name: /3/ })).findByRole("list");
      expect(foreign(container, known)).toEqual([]);
    },
  );

  it("show no word of their own: /sync", async () => {
    const overview = syncOverview({ running: [runningRun()] });
    const { container } = await openApp("/sync", { api: { shop, overview, runs: [] }, dictionary: pseudo });
    await screen.findByRole("table");
    expect(foreign(container, known)).toEqual([]);
  });
});
