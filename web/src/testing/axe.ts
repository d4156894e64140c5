/** Accessibility rules over a part of the page; colours are measured by tokens.test.ts, since jsdom draws nothing. */
import axe from "axe-core";

export async function violations(element: Element = document.body): Promise<string[]> {
  const { violations: found } = await axe.run(element, {
    rules: { "color-contrast": { enabled: false } },
  });
  return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}
