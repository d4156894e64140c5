/** A stored record as it was written: indented for reading, no digit changed, the figure in question marked. */
import { Fragment, type ReactNode } from "react";

const tokens = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\]:,]|\S/g;

/** Marketplace ids exceed what a JavaScript number holds, so the text is laid out without being read as numbers. */
export function layOut(json: string): string[] {
  const found: string[] = [];
  let depth = 0;
  const newLine = () => `\n${"  ".repeat(depth)}`;
  const all = json.match(tokens) ?? [];
  all.forEach((token, index) => {
    const next = all[index + 1];
    if (token === "{" || token === "[") {
      const closes = next === "}" || next === "]";
      if (!closes) depth += 1;
      found.push(token, ...(closes ? [] : [newLine()]));
    } else if (token === "}" || token === "]") {
      const before = all[index - 1];
      if (before !== "{" && before !== "[") {
        depth = Math.max(0, depth - 1);
        found.push(newLine());
      }
      found.push(token);
    } else if (token === ",") {
      found.push(token, newLine());
    } else if (token === ":") {
      found.push(": ");
    } else {
      found.push(token);
    }
  });
  return found;
}

/** Keys under which a marketplace tells a quantity; an id that happens to have the same digits is not one. */
const quantityKey = /avail|amount|quantity|present|stock|count/i;

/** Where the figure in question stands: the first number of its value under the name of a quantity; -1 for nowhere. */
function placeOf(tokens: readonly string[], mark: number | null): number {
  if (mark === null) return -1;
  return tokens.findIndex(
    (token, index) =>
      /^-?\d/.test(token) &&
      Number(token) === mark &&
      tokens[index - 1] === ": " &&
      quantityKey.test(tokens[index - 2] ?? ""),
  );
}

export function Json({ text, mark }: { text: string; mark: number | null }): ReactNode {
  const laidOut = layOut(text);
  const marked = placeOf(laidOut, mark);
  // The list never changes in place, so a position is a safe key.
  return laidOut.map((token, index) => (
    <Fragment key={index}>{index === marked ? <mark>{token}</mark> : token}</Fragment>
  ));
}
