/** Reasons in the reader's language where their form is known; all others as the server told them. */
import type { Messages } from "@/i18n/en";

const wrongType = /^Expected `([^`]+)`, got `([^`]+)`(?: - at `\$\.?([^`]*)`)?$/;
const missing = /^Object missing required field `([^`]+)`(?: - at `\$\.?([^`]*)`)?$/;

export function reasonWords(t: Messages, reason: string): string {
  const q = t.quarantine;
  const type = (name: string) => (q.types as Record<string, string | undefined>)[name] ?? name;
  // A rule stands for many rows: which one of a list it was is left out.
  const field = (path: string) => path.replaceAll("[#]", "[…]");
  const [, expected, got, at = ""] = wrongType.exec(reason) ?? [];
  if (expected !== undefined && got !== undefined)
    return q.wrongType(field(at) || q.wholeRow, expected.split(" | ").map(type).join(` ${q.or} `), type(got));
  const [, name, inside = ""] = missing.exec(reason) ?? [];
  if (name !== undefined) return q.missingField([field(inside), name].filter(Boolean).join("."));
  return reason;
}
