/** Measures the colours that people must tell apart: contrast, and distance in four kinds of sight. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

type Rgb = [number, number, number];

const css = readFileSync("src/styles/tokens.css", "utf8");
const block = (selector: string) => {
  const from = css.indexOf(`${selector} {`);
  return css.slice(from, css.indexOf("\n}", from));
};
const tokensOf = (text: string) =>
  Object.fromEntries(
    [...text.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/gi)].map(([, name = "", value = ""]) => [name, value]),
  );

const light = tokensOf(block(":root"));
const themes: Record<string, Record<string, string>> = {
  light,
  dark: { ...light, ...tokensOf(block(':root[data-theme="dark"]')) },
};

const rgb = (hex: string): Rgb => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255) as Rgb;
const linear = (value: number) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const toLinear = (hex: string) => rgb(hex).map(linear) as Rgb;

const luminance = (hex: string) => {
  const [r, g, b] = toLinear(hex);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};

function contrast(one: string, other: string): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** Machado, Oliveira and Fernandes 2009, severity 1, on linear light. */
const sights: Record<string, [Rgb, Rgb, Rgb]> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protan: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deutan: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritan: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

const dot = (a: Rgb, b: Rgb) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** CIE L*a*b*, D65, of a colour as it is seen. */
function lab(hex: string, sight: [Rgb, Rgb, Rgb]): Rgb {
  const seen = sight.map((row) => Math.min(1, Math.max(0, dot(row, toLinear(hex))))) as Rgb;
  const xyz: Rgb = [
    dot([0.4124564, 0.3575761, 0.1804375], seen) / 0.95047,
    dot([0.2126729, 0.7151522, 0.072175], seen),
    dot([0.0193339, 0.119192, 0.9503041], seen) / 1.08883,
  ];
  const [x, y, z] = xyz.map((t) => (t > 216 / 24389 ? Math.cbrt(t) : (t * 24389) / 27 / 116 + 16 / 116)) as Rgb;
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

const distance = (a: Rgb, b: Rgb) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

const statuses = ["critical", "low", "healthy", "overstock", "unknown"];
const surfaces = ["page", "panel", "sunken", "hover", "selected"];
const pairs = statuses.flatMap((one, index) =>
  statuses.slice(index + 1).map((other): [string, string] => [one, other]),
);

describe.each(Object.entries(themes))("the %s theme", (_, tokens) => {
  const colour = (name: string) => {
    const found = tokens[name];
    if (!found) throw new Error(`tokens.css has no colour --${name}`);
    return found;
  };

  it.each(statuses)("makes %s readable as text on page, panel and its own tint", (status) => {
    for (const surface of ["page", "panel", `${status}-soft`]) {
      expect(contrast(colour(status), colour(surface)), surface).toBeGreaterThanOrEqual(4.5);
    }
    expect(contrast(colour("on-status"), colour(status))).toBeGreaterThanOrEqual(4.5);
  });

  it.each(["ink", "ink-2", "ink-3", "accent"])("makes %s readable on every surface", (ink) => {
    for (const surface of surfaces) expect(contrast(colour(ink), colour(surface)), surface).toBeGreaterThanOrEqual(4.5);
  });

  it("makes notes readable on tinted panels and buttons readable", () => {
    for (const status of statuses) {
      expect(contrast(colour("ink-2"), colour(`${status}-soft`)), status).toBeGreaterThanOrEqual(4.5);
    }
    expect(contrast(colour("on-accent"), colour("accent"))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(colour("on-accent"), colour("accent-strong"))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(colour("ink-2"), colour("track"))).toBeGreaterThanOrEqual(4.5);
  });

  it("makes marks and the edges of controls visible", () => {
    for (const mark of ["edge", "accent", "actual", "stockout-line", "healthy-mark"]) {
      for (const surface of ["page", "panel"]) {
        expect(contrast(colour(mark), colour(surface)), `${mark} on ${surface}`).toBeGreaterThanOrEqual(3);
      }
    }
  });

  it.each(Object.entries(sights))("keeps the statuses apart in %s sight", (_name, sight) => {
    for (const [one, other] of pairs) {
      expect(
        distance(lab(colour(one), sight), lab(colour(other), sight)),
        `${one} and ${other}`,
      ).toBeGreaterThanOrEqual(29);
    }
  });
});
