import { describe, expect, it } from "vitest";
import { createFormats, sumShown, wholeUnits } from "@/lib/format";
import { chance } from "@/testing/shop";

const moscow = "Europe/Moscow";
const en = createFormats("en", moscow, moscow);
const ru = createFormats("ru", moscow, moscow);
const fr = createFormats("fr", moscow, moscow);
const rub = (amount: string) => ({ amount, currency: "RUB" });
const nb = "\u00A0";
const thin = "\u202F";
const at = "2026-11-22T11:35:12Z";

describe("numbers", () => {
  it("have the separators of their language", () => {
    expect([en, ru, fr].map((f) => f.number(1163))).toEqual(["1,163", `1${nb}163`, `1${thin}163`]);
    expect([en, ru, fr].map((f) => f.number(14.1))).toEqual(["14.1", "14,1", "14,1"]);
  });

  it("have a real minus, and a dash for what is unknown", () => {
    expect([en, ru, fr].map((f) => f.number(-3))).toEqual(["−3", "−3", "−3"]);
    expect(en.number(null)).toBe("–");
    expect(en.number(0)).toBe("0");
  });

  it("tell cover with one decimal below a hundred days", () => {
    expect([0.44, 17, 99.94, 192.3].map((days) => en.cover(days))).toEqual(["0.4", "17.0", "99.9", "192"]);
    expect(ru.cover(0.4)).toBe("0,4");
    expect([999, 999.4, 9990].map((days) => en.cover(days))).toEqual(["999", ">999", ">999"]);
  });

  it("write percent as their language does", () => {
    const written = [en, ru, fr].map((f) => f.percent(0.39));
    // Releases of the language data differ in which of the two spaces that do not break stands in French.
    expect(written.map((text) => text.replace(thin, nb))).toEqual(["39%", `39${nb}%`, `39${nb}%`]);
  });
});

describe("a rate", () => {
  it("has a decimal only where whole percent tell too little", () => {
    expect([0.0042, 0.0999, 0.1, 0.3149, 1.2, 0].map((share) => en.rate(share))).toEqual([
      "0.4%",
      "10%",
      "10%",
      "31%",
      "120%",
      "0%",
    ]);
    expect([en.rate(null), ru.rate(0.042).replace(thin, nb)]).toEqual(["–", `4,2${nb}%`]);
  });
});

describe("money", () => {
  it("has its sign where the language has it, in whole units", () => {
    const written = [en, ru, fr].map((f) => f.money(rub("648950.00")));
    expect(written).toEqual(["₽648,950", `648${nb}950${nb}₽`, `648${thin}950${nb}₽`]);
  });

  it("never passes through a float", () => {
    expect(en.money(rub("9007199254740993.00"))).toBe("₽9,007,199,254,740,993");
    expect(en.bareMoney(rub("0.50"))).toBe("1");
    expect(en.bareMoney(rub("-1249.50"))).toBe("−1,250");
  });

  it("shows kopecks of a price only where there are any", () => {
    expect(en.price(rub("990.00"))).toBe("₽990");
    expect(en.price(rub("990.50"))).toBe("₽990.50");
    expect(en.barePrice(rub("990.5000"))).toBe("990.50");
    expect(en.barePrice(rub("990.0000"))).toBe("990");
  });

  it("knows its sign alone", () => {
    expect([en, ru, fr].map((f) => f.currencySign("RUB"))).toEqual(["₽", "₽", "₽"]);
  });

  it("refuses what is no amount", () => {
    expect(() => wholeUnits("12,5")).toThrow(/decimal text/);
  });
});

describe("sums of what is shown", () => {
  it("are the sums of the rounded lines", () => {
    const draw = chance(5);
    for (let round = 0; round < 200; round += 1) {
      const lines = Array.from({ length: 12 }, () => rub((draw() * 10_000 - 2_000).toFixed(2)));
      const shown = lines.map((line) => Number(en.bareMoney(line).replaceAll(",", "").replace("−", "-")));
      expect(Number(sumShown(lines))).toBe(shown.reduce((sum, one) => sum + one, 0));
    }
  });
});

describe("dates", () => {
  it("are written as the house writes them", () => {
    expect([en, ru, fr].map((f) => f.day("2026-11-22"))).toEqual(["22 Nov", "22 нояб.", "22 nov."]);
    const written = [en, ru, fr].map((f) => f.day("2026-11-22", true).replace(nb, " "));
    expect(written).toEqual(["22 Nov 2026", "22 нояб. 2026 г.", "22 nov. 2026"]);
    expect(en.day("2026-09-05")).toBe("5 Sep");
  });

  it("stand in the shop's zone", () => {
    expect([en, ru, fr].map((f) => f.dateTime(at))).toEqual(["22 Nov, 14:35", "22 нояб., 14:35", "22 nov., 14:35"]);
    expect(en.dateTime("2026-11-22T21:30:00Z")).toBe("23 Nov, 00:30");
    expect(createFormats("en", "Asia/Vladivostok").time(at)).toBe("21:35");
    expect(en.exact(at)).toBe("22 Nov 2026, 14:35:12 GMT+3");
  });

  it("name the day only when it is another one", () => {
    const now = new Date("2026-11-22T20:00:00Z");
    expect(en.clock(at, now)).toBe("14:35");
    // 00:10 in Moscow is already the next day.
    expect(en.clock(at, new Date("2026-11-22T21:10:00Z"))).toBe("22 Nov, 14:35");
  });

  it("say their zone to a reader of another one", () => {
    const now = new Date("2026-11-22T11:38:00Z");
    expect(en.zone(at)).toBe("");
    expect(en.zonedClock(at, now)).toBe("14:35");
    expect(createFormats("en", moscow, "Europe/Istanbul").zone(at)).toBe("");
    for (const locale of ["en", "ru", "fr"] as const) {
      expect(createFormats(locale, moscow, "Europe/Paris").zonedClock(at, now)).toBe(`14:35${nb}GMT+3`);
    }
    // In summer London is two hours behind Moscow, in winter three; the mark is the shop's own.
    expect(createFormats("en", "Europe/London", moscow).zone("2026-07-01T10:00:00Z")).toBe("GMT+1");
  });

  it("name the day where the reader's is another one", () => {
    const york = createFormats("en", moscow, "America/New_York");
    // 01:00 on the 23rd in Moscow is still the 22nd in New York.
    expect(york.clock("2026-11-22T22:00:00Z", new Date("2026-11-22T22:10:00Z"))).toBe("23 Nov, 01:00");
    expect(en.clock("2026-11-22T22:00:00Z", new Date("2026-11-22T22:10:00Z"))).toBe("01:00");
  });

  it("make ranges", () => {
    expect([en, ru, fr].map((f) => f.dayRange("2026-12-06", "2026-12-13"))).toEqual([
      "6–13 Dec",
      "6–13 дек.",
      "6–13 déc.",
    ]);
    expect(en.dayRange("2026-11-28", "2026-12-03")).toBe("28 Nov – 3 Dec");
    expect(en.dayRange("2026-11-28", "2026-11-28")).toBe("28 Nov");
  });

  it("are never in the future by a clock that runs ahead", () => {
    expect(en.minutesSince(at, new Date("2026-11-22T11:30:00Z"))).toBe(0);
    expect(en.minutesSince(at, new Date("2026-11-22T11:38:20Z"))).toBe(3);
  });
});
