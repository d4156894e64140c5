/** Where in a laid-out row the field stands that its reason names. */

/** A name inside an object, a place inside a list; "any" where the reason does not say which one of a list. */
type Step = string | number;
const any = "[...]";

interface Key {
  index: number;
  path: Step[];
}

const isKey = (tokens: readonly string[], index: number) =>
  tokens[index + 1] === ": " && (tokens[index]?.startsWith('"') ?? false);

const plain = (token: string | undefined) => (token ?? "").slice(1, -1);

/** "products[0].quantity" as steps; the place in a list at its end leads to no key of its own. */
function stepsOf(field: string): Step[] {
  const steps = [...field.matchAll(/\[([^\]]*)\]|[^.[\]]+/g)].map(([whole, place]) =>
    place === undefined ? whole : /^\d+$/.test(place) ? Number(place) : any,
  );
  while (steps.length > 0 && (typeof steps.at(-1) === "number" || steps.at(-1) === any)) steps.pop();
  return steps;
}

/** All keys of a row, each with the way that leads to it. */
function keysOf(tokens: readonly string[]): Key[] {
  const keys: Key[] = [];
  // The step in each open object or list; a list's is a number.
  const path: Step[] = [];
  for (const [index, token] of tokens.entries()) {
    const inside = path.length - 1;
    if (isKey(tokens, index)) {
      if (inside >= 0) path[inside] = plain(token);
      keys.push({ index, path: [...path] });
    } else if (token === "{") path.push("");
    else if (token === "[") path.push(0);
    else if (token === "}" || token === "]") path.pop();
    else if (token === "," && typeof path[inside] === "number") path[inside] += 1;
  }
  return keys;
}

const named = (steps: readonly Step[]) => steps.filter((step) => typeof step === "string" && step !== any).join(".");

/** "products[0].quantity": the token of its key; a field of that name anywhere where the path leads nowhere; else -1. */
export function keyOf(tokens: readonly string[], field: string | null): number {
  const wanted = stepsOf(field ?? "");
  const last = wanted.at(-1);
  if (last === undefined) return -1;
  const keys = keysOf(tokens);
  const exact = (path: Step[]) =>
    path.length === wanted.length &&
    wanted.every((step, at) => step === path[at] || (step === any && typeof path[at] === "number"));
  const found =
    keys.find(({ path }) => exact(path)) ??
    keys.find(({ path }) => named(path) === named(wanted)) ??
    keys.find(({ path }) => path.at(-1) === last);
  return found?.index ?? -1;
}
