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

export function Json({ text, mark }: { text: string; mark: number | null }): ReactNode {
  return layOut(text).map((token, index) => (
    // The list never changes in place, so a position is a safe key.
    <Fragment key={index}>
      {mark !== null && /^-?\d/.test(token) && Number(token) === mark ? <mark>{token}</mark> : token}
    </Fragment>
  ));
}
