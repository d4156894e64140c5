/** Picks the form of a word that goes with a number, by the language's own rules. */
import type { Locale } from "@/lib/format";

interface Forms {
  en: { one: string; other: string };
  ru: { one: string; few: string; many: string };
  fr: { one: string; other: string };
}

/** A function that is asked for exactly the forms its language has. */
export function createPlural<L extends Locale>(locale: L): (count: number, forms: Forms[L]) => string {
  const rules = new Intl.PluralRules(locale);
  return (count, forms) => {
    const table = forms as Partial<Record<Intl.LDMLPluralRule, string>>;
    // Russian fractions ("other") take the form of "few": 1,5 дня.
    return table[rules.select(count)] ?? table.other ?? table.few ?? "";
  };
}
