/** Where in a laid-out row the field stands that its reason names. */

const isKey = (tokens: readonly string[], index: number) =>
  tokens[index + 1] === ": " && (tokens[index]?.startsWith('"') ?? false);

const plain = (token: string | undefined) => (token ?? "").slice(1, -1);

/** "products[0].quantity": the token of its key; a field of that name anywhere where the path leads nowhere; else -1. */
export function keyOf(tokens: readonly string[], field: string | null): number {
  const names = (field ?? "")
    .replace(/\[[^\]]*\]/g, "")
    .split(".")
    .filter(Boolean);
  const last = names.at(-1);
  if (last === undefined) return -1;
  const path: string[] = [];
  let key = "";
  for (const [index, token] of tokens.entries()) {
    if (isKey(tokens, index)) {
      key = plain(token);
      if (key === last && [...path.filter(Boolean), key].join(".") === names.join(".")) return index;
    } else if (token === "{" || token === "[") {
      path.push(key);
      key = "";
    } else if (token === "}" || token === "]") {
      path.pop();
    }
  }
  return tokens.findIndex((token, index) => isKey(tokens, index) && plain(token) === last);
}
