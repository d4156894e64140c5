/** Names that stay as the seller knows them, in every language. */

const titles: Record<string, string> = { ozon: "Ozon", wildberries: "Wildberries" };
const badges: Record<string, string> = { ozon: "Ozon", wildberries: "WB" };

const capital = (source: string) => source.charAt(0).toUpperCase() + source.slice(1);

/** "wildberries" as "Wildberries". */
export const sourceTitle = (source: string) => titles[source] ?? capital(source);

/** "wildberries" as "WB", where there is little room. */
export const sourceBadge = (source: string) => badges[source] ?? capital(source);

interface Account {
  source: string;
  /** The account as the seller knows it. */
  name: string;
}

/** "Ozon"; with the account behind it only where a marketplace has several. */
export function accountTitle(one: Account, all: readonly Account[]): string {
  const several = all.filter(({ source }) => source === one.source).length > 1;
  return several ? `${sourceTitle(one.source)} · ${one.name}` : sourceTitle(one.source);
}

/** One or two letters that stand for a product that has no picture. */
export function initials(name: string): string {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? [];
  return (words[0]?.slice(0, 1) ?? "") + (words[1]?.slice(0, 1) ?? "");
}
